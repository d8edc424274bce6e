import type { Knex } from 'knex'
import { flatten } from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { unhandledDuring, useItems } from './items.ts'

const boom = new Error('boom')
const fail = async (): Promise<never> => {
  throw boom
}
const refusedAtCommit = (trx: Knex) => trx('orders').insert({ item: 99 })
const refusedAtOnce = (trx: Knex) => trx('items').insert({ id: 1 })
const nobodyCares = () => undefined

/**
 * What leaves a rejection to nobody, or seems to, and how often Node tells of it: once where the promise of a transaction with
 * a callback, or of a statement, is left alone; never for a transaction without one, whose promises Knex has in its own hands.
 */
const cases: [string, 0 | 1, (db: Knex) => Promise<unknown>][] = [
  ['a transaction that nobody awaits throws', 1, async (db) => void db.transaction(fail)],
  ['a statement fails in one', 1, async (db) => void db.transaction(async (trx) => refusedAtOnce(trx))],
  ['COMMIT is refused for one', 1, async (db) => void db.transaction(async (trx) => refusedAtCommit(trx))],
  [
    'one is caught by its executionPromise alone',
    1,
    async (db) =>
      void db.transaction(async (trx) => {
        trx.executionPromise.catch(nobodyCares)
        throw boom
      }),
  ],
  [
    'one rolls itself back with an error',
    1,
    async (db) => void db.transaction(async (trx) => trx.rollback(boom)),
  ],
  ['one rolls itself back without', 0, async (db) => void db.transaction(async (trx) => trx.rollback())],
  [
    'a statement that nobody awaits fails',
    1,
    (db) =>
      db
        .transaction(async (trx) => {
          void refusedAtOnce(trx).then(nobodyCares)
          await trx.raw('select 1').catch(nobodyCares)
        })
        .catch(nobodyCares),
  ],
  [
    'a statement that nobody awaits comes after a failed one',
    1,
    (db) =>
      db
        .transaction(async (trx) => {
          await refusedAtOnce(trx).catch(nobodyCares)
          void trx.raw('select 1').then(nobodyCares)
          throw boom
        })
        .catch(nobodyCares),
  ],
  [
    'a nested transaction that nobody awaits throws',
    1,
    (db) =>
      db
        .transaction(async (trx) => {
          const ended = new Promise((resolve) => {
            void trx.transaction(async (inner) => {
              inner.executionPromise.catch(resolve)
              throw boom
            })
          })
          await ended
        })
        .catch(nobodyCares),
  ],
  [
    'a nested transaction that nobody awaits is opened on a failed one',
    1,
    (db) =>
      db
        .transaction(async (trx) => {
          await refusedAtOnce(trx).catch(nobodyCares)
          void trx.transaction(async () => 'fine')
          await trx.raw('select 1')
        })
        .catch(nobodyCares),
  ],
  ['rollback(error) is awaited', 0, async (db) => (await db.transaction()).rollback(boom).catch(nobodyCares)],
  ['rollback(error) is not', 0, async (db) => void (await db.transaction()).rollback(boom)],
  ['rollback() is not awaited', 0, async (db) => void (await db.transaction()).rollback()],
  [
    'commit() comes after rollback(), and is not awaited',
    0,
    async (db) => {
      const trx = await db.transaction()
      await trx.rollback()
      void trx.commit()
    },
  ],
  [
    'a refused commit() is awaited',
    0,
    async (db) => {
      const trx = await db.transaction()
      await refusedAtCommit(trx)
      await Promise.resolve(trx.commit()).catch(nobodyCares)
    },
  ],
  [
    'a refused commit() is not',
    0,
    async (db) => {
      const trx = await db.transaction()
      await refusedAtCommit(trx)
      void trx.commit()
    },
  ],
  [
    'a refused commit() is not, but the executionPromise is',
    0,
    async (db) => {
      const trx = await db.transaction()
      await refusedAtCommit(trx)
      void trx.commit()
      await trx.executionPromise.catch(nobodyCares)
    },
  ],
  [
    'a nested one is rolled back with an error',
    0,
    async (db) => {
      const trx = await db.transaction()
      const inner = await trx.transaction()
      await inner.rollback(boom)
      await trx.rollback()
    },
  ],
  [
    'a nested commit() is not awaited after a failed statement',
    0,
    async (db) => {
      const trx = await db.transaction()
      const inner = await trx.transaction()
      await refusedAtOnce(inner).catch(nobodyCares)
      void inner.commit()
      await inner.executionPromise.catch(nobodyCares)
      await trx.rollback()
    },
  ],
  [
    'a provided transaction is rolled back with an error',
    0,
    async (db) => {
      const provide = db.transactionProvider()
      const trx = await provide()
      await trx.rollback(boom)
    },
  ],
  [
    'a batch that nobody awaits fails',
    1,
    async (db) => {
      const failed = new Promise((resolve) => db.once('query-error', resolve))
      void db.batchInsert('items', [{ id: 1 }])
      await failed
    },
  ],
]

describe.each(knexVersions)('unhandledRejection on Knex %s', (_version, knex) => {
  const database = useItems()
  beforeEach(() => database.rows('delete from orders; delete from items; insert into items values (1)'))

  /** What nobody has handled once all is over: with one connection, another query waits for that. */
  const unhandled = (prepare: (db: Knex) => Knex, run: (db: Knex) => Promise<unknown>) => {
    const { db } = database.connect({ knex, config: { pool: { min: 0, max: 1 } } })
    prepare(db)
    return unhandledDuring(async () => {
      await run(db)
      await db.raw('select 1')
    })
  }

  it.each(cases)('is told as on stock Knex where %s: %i', async (_what, times, run) => {
    expect((await unhandled((db) => db, run)).length).toBe(times)
    expect((await unhandled(flatten, run)).length).toBe(times)
  })

  it('is as loud where Knex would have said nothing, and the transaction now rejects', async () => {
    const swallowing = async (db: Knex) =>
      void db.transaction(async (trx) => {
        await trx.transaction(fail).catch(nobodyCares)
      })
    expect(await unhandled((db) => db, swallowing)).toEqual([])
    expect(await unhandled(flatten, swallowing)).toMatchObject([{ code: 'FLATTEN_UNEXPECTED_ROLLBACK' }])
  })
})
