import type { Knex } from 'knex'
import { afterCommit, beforeCommit, ForeignConnectionError } from 'knex-flatten'
import { inTestTransaction } from 'knex-flatten/testing'
import { describe, expect, it } from 'vitest'
import { rejection } from '../items.ts'
import { ids, insert, refusal, useTestedItems } from './kit.ts'

describe('a test transaction', () => {
  const { open } = useTestedItems()

  describe('refuses at once what would need a second connection', () => {
    it.each([
      [
        'on the handle',
        (db: Knex, trx: Knex) =>
          trx.transaction(async () => db, { propagation: 'requires-new', name: 'audit' }),
      ],
      [
        'on the instance',
        (db: Knex) => db.transaction(async () => db, { propagation: 'requires-new', name: 'audit' }),
      ],
      [
        'to be run again',
        (_db: Knex, trx: Knex) =>
          trx.transaction(async () => 1, { propagation: 'requires-new', name: 'audit', retry: true }),
      ],
    ] as const)('requires-new %s', async (_how, ask) => {
      for (const db of [open(), open({ ambient: true })]) {
        await inTestTransaction(db, async () => {
          await db.transaction(
            async (trx) => {
              await insert(trx, 1)
              expect(await refusal(ask(db, trx))).toMatch(
                /The transaction "audit" \(\{ propagation: 'requires-new' \}\) was asked for inside the transaction "pay" \(opened at .*one-connection\.test\.ts:\d+:\d+\), to stand beside it/,
              )
            },
            { name: 'pay' },
          )
          // Nothing was doomed by it.
          expect(await ids(db)).toEqual([1])
        })
      }
    })

    it('requires-new on a promise form, which no context leads to', async () => {
      const db = open()
      await inTestTransaction(db, async () => {
        const trx = await db.transaction()
        await refusal(trx.transaction(async () => 1, { propagation: 'requires-new' }))
        await trx.rollback()
      })
    })

    it('a transaction and a query on the instance itself, whose SQL it tells', async () => {
      const db = open()
      await inTestTransaction(db, async () => {
        await db.transaction(async (trx) => {
          expect(await refusal(db.transaction(async () => 1))).toMatch(
            /^The transaction was asked for inside the transaction/,
          )
          expect(await refusal(insert(db, 1))).toMatch(
            /insert into "items".*\n.*was made inside the transaction \(opened at/s,
          )
          expect(await refusal(db.schema.dropTable('items'))).toMatch(/drop table/)
          const reading = async () => {
            for await (const row of db('items').stream()) throw row
          }
          await refusal(reading())
          await insert(trx, 2)
          beforeCommit(trx, () => refusal(ids(db)))
          afterCommit(trx, async () => expect(await ids(db)).toEqual([2]))
        })
        expect(await ids(db)).toEqual([2])
      })
    })

    it("a query where the transaction around is suspended by 'not-supported'", async () => {
      const db = open({ ambient: true })
      await inTestTransaction(db, async () => {
        await db.transaction(async () => {
          await insert(db, 1)
          await db.transaction(() => refusal(insert(db, 2)), {
            propagation: 'not-supported',
          })
          await insert(db, 3)
        })
        expect(await ids(db)).toEqual([1, 3])
      })
    })

    it('what ambient lets run with a warning, and leaves what it refuses', async () => {
      const warnings: unknown[] = []
      const log = { warn: (text: unknown) => warnings.push(text) }
      const warning = open({ ambient: { foreignConnection: 'warn' } }, { log })
      await inTestTransaction(warning, () =>
        warning.transaction(async (trx) => {
          await trx.raw('select 1')
          expect(await refusal(ids(warning))).toMatch(/was made inside the transaction/)
        }),
      )
      expect(warnings).toEqual([expect.stringContaining('would run outside of it')])
      const throwing = open({ ambient: { foreignConnection: 'throw' } })
      await inTestTransaction(throwing, () =>
        throwing.transaction(async (trx) => {
          await trx.raw('select 1')
          expect(await rejection(ids(throwing))).toBeInstanceOf(ForeignConnectionError)
        }),
      )
    })
  })

  it('lets a lazy transaction that has not begun be passed by', async () => {
    const db = open({ lazyBegin: true })
    await inTestTransaction(db, () =>
      db.transaction(async (trx) => {
        await insert(db, 1)
        expect(await ids(trx)).toEqual([1])
        await refusal(ids(db))
      }),
    )
  })

  it('refuses whoever waits in vain for its connection, and goes on', async () => {
    const db = open()
    await inTestTransaction(
      db,
      async () => {
        const trx = await db.transaction(undefined, { name: 'pay' })
        await insert(trx, 1)
        const waiting = await Promise.all([refusal(ids(db)), refusal(db.transaction(async () => 1))])
        for (const message of waiting) {
          expect(message).toMatch(
            /^The one connection of the test transaction \(opened at .*one-connection\.test\.ts:\d+:\d+\) is held by the transaction "pay" \(opened at .*\), and nothing has happened on it for 50 ms\./,
          )
        }
        await trx.commit()
        expect(await ids(db)).toEqual([1])
        const reading = async () => {
          for await (const { id } of db.select('id').fromRaw('generate_series(1, 1000) as id').stream()) {
            expect(await refusal(db('items').where({ id }))).toMatch(/is held by a query/)
            break
          }
        }
        await reading()
        expect(await ids(db)).toEqual([1])
      },
      { stuckAfterMs: 50 },
    )
  })

  it('lets those wait behind whom something happens', async () => {
    const db = open()
    await inTestTransaction(
      db,
      async () => {
        const slow = db.transaction((trx) => trx.raw('select pg_sleep(0.3)'))
        await Promise.all([slow, insert(db, 1)])
        const late = db.raw('insert into items select 3 from pg_sleep(0.3)').timeout(20)
        expect(await rejection(late)).toMatchObject({ name: 'KnexTimeoutError' })
        // What nobody waits for any more ends, and is kept, before the next begins and fails.
        expect(await rejection(insert(db, 1))).toMatchObject({ code: '23505' })
        expect(await ids(db)).toEqual([1, 3])
        const connection = await db.client.acquireConnection()
        const asleep = connection.query('select pg_sleep(0.3)')
        await db.client.releaseConnection(connection)
        const reading = async () => {
          for await (const { id } of db('items').stream()) expect(id).toBeGreaterThan(0)
        }
        await Promise.all([asleep, reading(), insert(db, 4)])
      },
      { stuckAfterMs: 100 },
    )
  })

  it('lets them wait for ever where that is said', async () => {
    const db = open()
    const warnings: unknown[] = []
    const note = (warning: unknown): unknown => warnings.push(warning)
    process.on('warning', note)
    await inTestTransaction(
      db,
      async () => {
        const trx = await db.transaction()
        const waiting = insert(db, 1).then(() => 'stored')
        const soon = new Promise((resolve) => setTimeout(resolve, 100, 'not yet'))
        expect(await Promise.race([waiting, soon])).toBe('not yet')
        await trx.commit()
        expect(await waiting).toBe('stored')
      },
      { stuckAfterMs: Infinity },
    )
    process.off('warning', note)
    // Node would have told that it cannot count so far, and not have waited at all.
    expect(warnings).toEqual([])
  })
})
