import createKnex, { type Knex } from 'knex'
import { flatten, TestTransactionError } from 'knex-flatten'
import { beginTestTransaction, inTestTransaction } from 'knex-flatten/testing'
import { describe, expect, it } from 'vitest'
import { pidOf, rejection, unhandledDuring } from '../items.ts'
import { ids, insert, refusal, useTestedItems } from './kit.ts'

describe('a test transaction', () => {
  const { database, open } = useTestedItems()

  it('fails a test that leaves a transaction open, and lets nothing of it be stored', async () => {
    const db = open()
    let trx!: Knex.Transaction
    const left = inTestTransaction(
      db,
      async () => {
        trx = await db.transaction(undefined, { name: 'left' })
        await insert(trx, 1)
      },
      { stuckAfterMs: 50 },
    )
    expect(await refusal(left)).toMatch(
      /When the test transaction .* was to be rolled back, the transaction "left" \(opened at .*\) was still running: it was cut off/,
    )
    // Its locks are gone with it.
    await database.rows('insert into items values (1); delete from items')
    await rejection(insert(trx, 2))
    await rejection(trx.commit())
    expect(trx.isCompleted()).toBe(true)
    expect(await ids(db)).toEqual([])
  })

  it('fails a test that keeps a connection taken by hand, on which nothing runs any more', async () => {
    const db = open()
    let connection: unknown
    const left = inTestTransaction(
      db,
      async () => {
        connection = await db.client.acquireConnection()
      },
      { stuckAfterMs: 50 },
    )
    expect(await refusal(left)).toMatch(/a query was still running/)
    await refusal(insert(db, 1).connection(connection))
    const reading = async () => {
      for await (const row of db('items').connection(connection).stream()) throw row
    }
    await refusal(reading())
    await db.client.releaseConnection(connection)
    expect(await ids(db)).toEqual([])
  })

  it('lets nothing run on a connection that was given back, once it is over', async () => {
    const db = open()
    let connection: unknown
    await inTestTransaction(db, async () => {
      connection = await db.client.acquireConnection()
      await db.client.releaseConnection(connection)
    })
    expect(await refusal(insert(db, 1).connection(connection))).toMatch(
      /The test transaction \(opened at .*\) was rolled back before\. Await everything the test starts\./,
    )
  })

  it('fails a test that leaves a lazy transaction behind, which can begin nowhere', async () => {
    const db = open({ lazyBegin: true })
    let trx!: Knex.Transaction
    const left = inTestTransaction(db, async () => {
      trx = await db.transaction()
    })
    expect(await refusal(left)).toMatch(/the transaction \(opened at .*\) was still running/)
    expect(await rejection(insert(trx, 1))).toMatchObject({ name: 'RollbackOnlyError' })
    await rejection(trx.commit())
  })

  it('keeps the error of a test that leaves something open as well', async () => {
    const db = open()
    const boom = new Error('boom')
    const failed = inTestTransaction(
      db,
      async () => {
        await db.transaction()
        throw boom
      },
      { stuckAfterMs: 50 },
    )
    expect(await rejection(failed)).toBe(boom)
    expect(await ids(db)).toEqual([])
  })

  it('waits for what was not awaited, and is rolled back behind it', async () => {
    const db = open({ lazyBegin: true })
    let later: unknown
    await inTestTransaction(db, () => {
      later = Promise.all([db.transaction((trx) => insert(trx, 1), { retry: true }), insert(db, 2)])
    })
    await later
    expect(await ids(db)).toEqual([])
  })

  it('that has lost its connection refuses what comes, and the next test has another', async () => {
    const db = open()
    const lost = inTestTransaction(db, async () => {
      const pid = await pidOf(db)
      await insert(db, 1)
      const killed = db.transaction(async (trx) => {
        await database.rows(`select pg_terminate_backend(${pid})`)
        await insert(trx, 2)
      })
      expect(await rejection(killed)).not.toBeInstanceOf(TestTransactionError)
      await db.transaction(async () => 1)
    })
    expect(await refusal(lost)).toMatch(
      /The connection of the test transaction \(opened at .*\) was lost, and all it has written with it/,
    )
    await inTestTransaction(db, async () => {
      await insert(db, 3)
      expect(await ids(db)).toEqual([3])
      const pid = await pidOf(db)
      const connection = await db.client.acquireConnection()
      const asleep = rejection(connection.query('select pg_sleep(60)'))
      await db.client.releaseConnection(connection)
      // It has the connection, and waits for it to answer.
      const asking = refusal(ids(db))
      await database.rows(`select pg_terminate_backend(${pid})`)
      expect(await asking).toMatch(/was lost/)
      expect(await asleep).toMatchObject({ code: '57P01' })
    })
  })

  it('ends with its instance', async () => {
    const db = flatten(createKnex({ client: 'pg', connection: database.primaryUrl, pool: { min: 0 } }))
    const rollBack = await beginTestTransaction(db)
    await insert(db, 1)
    const trx = await db.transaction()
    await db.destroy()
    await rejection(rollBack())
    await rejection(insert(trx, 2))
  })

  it('leaves no rejection unhandled', async () => {
    const db = open()
    expect(
      await unhandledDuring(async () => {
        await inTestTransaction(db, async () => {
          await rejection(insert(db, 1, 1))
          await rejection(db.transaction((trx) => insert(trx, 1, 1)))
          await db.transaction((trx) =>
            refusal(trx.transaction(async () => 1, { propagation: 'requires-new' })),
          )
        })
        await rejection(
          inTestTransaction(db, () => void db.transaction().then(() => undefined), { stuckAfterMs: 20 }),
        )
      }),
    ).toEqual([])
  })
})
