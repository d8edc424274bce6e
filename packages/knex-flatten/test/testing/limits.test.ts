import createKnex, { type Knex } from 'knex'
import { flatten } from 'knex-flatten'
import { inTestTransaction } from 'knex-flatten/testing'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { ids, insert, refusal, useTestedItems } from './kit.ts'

describe('a test transaction', () => {
  const { database, open } = useTestedItems()

  it('is nothing to a transaction that was open before it', async () => {
    const db = open()
    await db.transaction(async (trx) => {
      await insert(trx, 1)
      await inTestTransaction(db, async () => {
        await insert(db, 2)
        await db.transaction((other) => insert(other, 3))
        await trx.transaction((other) => insert(other, 4), { propagation: 'requires-new' })
        expect(await ids(db)).toEqual([2, 3, 4])
        expect(await ids(trx)).toEqual([1])
      })
      await insert(trx, 2)
      await trx.rollback()
    })
  })

  it("takes its connection from a pool of the driver's own, and gives it back", async () => {
    const pool = new pg.Pool({ connectionString: database.primaryUrl, max: 1 })
    const db = flatten(createKnex({ client: 'pg', connectionPool: pool }))
    await inTestTransaction(db, async () => {
      await db.transaction((trx) => insert(trx, 1))
      expect(await ids(db)).toEqual([1])
    })
    const left = inTestTransaction(db, () => db.transaction().then(() => undefined), { stuckAfterMs: 20 })
    await refusal(left)
    expect(await ids(db)).toEqual([])
    await pool.end()
  })

  it('keeps what is deferred apart from what it may not touch', async () => {
    await database.rows(`
      create schema secret; create table secret.a (id int unique deferrable initially deferred);
      create table b (id int, constraint twin unique (id) deferrable initially deferred);
      create table c (id int, constraint twin_of_none check (id > 0));
      alter table c add constraint twin_check check (id > 1);
      alter table b add constraint twin_check unique (id) deferrable initially deferred;
      create role knex_flatten_tester; grant all on items, b, c to knex_flatten_tester;
    `)
    const db = open()
    await inTestTransaction(db, async () => {
      await db.raw('set role knex_flatten_tester')
      for (const id of [1, 2]) await db.transaction((trx) => trx('b').insert({ id }))
      expect(await db('b').pluck('id')).toEqual([1, 2])
    })
    await database.rows(
      'drop owned by knex_flatten_tester; drop role knex_flatten_tester; drop schema secret cascade; drop table b, c',
    )
  })

  it('runs at one isolation level, and refuses a stronger one', async () => {
    const db = open()
    const levelIn = (level?: Knex.IsolationLevels) =>
      db.transaction(
        async (trx) => (await trx.raw('show transaction_isolation')).rows[0].transaction_isolation as string,
        level && { isolationLevel: level },
      )
    const inTest = (fn: () => Promise<unknown>, isolationLevel?: 'repeatable read' | 'serializable') =>
      inTestTransaction(db, fn, isolationLevel && { isolationLevel })
    await inTest(async () => {
      expect(await levelIn('read committed')).toBe('read committed')
      expect(await refusal(levelIn('serializable'))).toMatch(
        /serializable was asked for inside the test transaction \(opened at .*\), which runs at the server's default level.*\{ isolationLevel: 'serializable' \}/,
      )
    })
    await inTest(async () => {
      expect(await levelIn('repeatable read')).toBe('repeatable read')
      expect(await refusal(levelIn('serializable'))).toMatch(/runs at repeatable read/)
      await refusal(db.transaction(async () => 1, { isolationLevel: 'serializable', retry: true }))
    }, 'repeatable read')
    await inTest(async () => expect(await levelIn('serializable')).toBe('serializable'), 'serializable')
  })

  it.each(['commit', 'ROLLBACK', 'insert into items values (5); end', 'begin', "prepare transaction 'x'"])(
    'sends no %s of the application’s',
    async (sql) => {
      const db = open()
      await inTestTransaction(db, async () => {
        await insert(db, 1)
        expect(await refusal(db.raw(sql))).toMatch(/was not sent: it would end the test transaction/)
        await db.transaction(async (trx) => {
          await refusal(trx.raw(sql))
          await insert(trx, 2)
          await trx.raw('savepoint mine; insert into items values (3); rollback to savepoint mine')
        })
        await db.raw(`select 'commit; begin'`)
        expect(await ids(db)).toEqual([1, 2])
        const connection = await db.client.acquireConnection()
        await refusal(db.client.query(connection, 'COMMIT;'))
        await db.client.releaseConnection(connection)
      })
    },
  )

  it('tells that it was ended inside, past Knex', async () => {
    const db = open()
    for (const sql of ['rollback', 'rollback; begin']) {
      const ended = inTestTransaction(db, async () => {
        await insert(db, 1)
        const connection = await db.client.acquireConnection()
        await connection.query(sql)
        await db.client.releaseConnection(connection)
      })
      expect(await refusal(ended)).toMatch(/was ended inside, by a COMMIT or a ROLLBACK sent past Knex/)
    }
    expect(await ids(db)).toEqual([])
  })

  it('takes a connection that was taken by hand, and gives it to a transaction', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      const connection = await db.client.acquireConnection()
      await Promise.allSettled([1, 1, 2].map((id) => insert(db, id).connection(connection)))
      await db.transaction((trx) => insert(trx, 3), { connection } as Knex.TransactionConfig)
      await db.client.releaseConnection(connection)
      const trx = await db.transaction()
      // Knex itself does so with streams: by now the connection is another's.
      await db.client.releaseConnection(connection)
      const waiting = insert(db, 4).then(() => 'stored')
      await insert(trx, 5)
      await trx.rollback()
      expect(await waiting).toBe('stored')
      expect(await ids(db)).toEqual([1, 2, 3, 4])
    })
  })
})
