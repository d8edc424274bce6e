import type { Knex } from 'knex'
import { getOrCreate, TransactionOptionsError } from 'knex-flatten'
import { inTestTransaction } from 'knex-flatten/testing'
import { describe, expect, it } from 'vitest'
import { knexVersions } from '../../../../test/setup/knex-versions.ts'
import { pidOf, rejection } from '../items.ts'
import { ids, insert, useTestedItems } from './kit.ts'

describe.each(knexVersions)('in a test transaction on Knex %s', (_version, knex) => {
  const { database, open } = useTestedItems(knex)
  const boom = new Error('boom')

  it.each([
    ['required', 'a root'],
    ['requires-new', 'a root'],
    ['nested', 'a root'],
    ['supports', 'none'],
    ['not-supported', 'none'],
    ['never', 'none'],
    ['mandatory', 'refused'],
  ] as const)("propagation '%s' finds no transaction around it: %s", async (propagation, comes) => {
    const db = open({ ambient: true })
    await inTestTransaction(db, async () => {
      const opened = db.transaction(
        async (trx) => {
          await insert(trx, 1)
          throw boom
        },
        { propagation },
      )
      const error = await rejection(opened)
      if (comes === 'refused') expect(error).toBeInstanceOf(TransactionOptionsError)
      else expect(error).toBe(boom)
      // What runs without a transaction is stored at once.
      expect(await ids(db)).toEqual(comes === 'none' ? [1] : [])
    })
  })

  it.each(['required', 'nested', 'supports', 'mandatory'] as const)(
    "propagation '%s' joins a transaction of the test's",
    async (propagation) => {
      const db = open()
      await inTestTransaction(db, async () => {
        const failed = db.transaction(async (trx) => {
          await trx.transaction((scope) => insert(scope, 1), { propagation })
          throw boom
        })
        expect(await rejection(failed)).toBe(boom)
        const never = db.transaction((trx) => trx.transaction(async () => 1, { propagation: 'never' }))
        expect(await rejection(never)).toBeInstanceOf(TransactionOptionsError)
        expect(await ids(db)).toEqual([])
      })
    },
  )

  it('transactions and queries that run at the same time run one after another', async () => {
    const db = open({}, { pool: { max: 1 } })
    await inTestTransaction(db, async () => {
      const several = await Promise.allSettled([
        db.transaction((trx) => insert(trx, 1)),
        insert(db, 2),
        db.transaction(async (trx) => {
          await insert(trx, 3)
          throw boom
        }),
        insert(db, 2),
        db.transaction((trx) => insert(trx, 4)),
      ])
      expect(several.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'rejected',
        'fulfilled',
      ])
      expect(await ids(db)).toEqual([1, 2, 4])
    })
  })

  it('rows are streamed, inside a transaction and outside, and a stream may be given up', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      await insert(db, 1, 2, 3)
      const seen: unknown[] = []
      for await (const { id } of db('items').orderBy('id').stream()) seen.push(id)
      await db.transaction(async (trx) => {
        for await (const { id } of trx('items').orderBy('id').stream()) seen.push(id)
      })
      expect(seen).toEqual([1, 2, 3, 1, 2, 3])
      for await (const { id } of db('items').stream()) if (id > 0) break
      const failing = async () => {
        for await (const row of db.raw('select 1/0').stream()) seen.push(row)
      }
      expect(await rejection(failing())).toMatchObject({ code: '22012' })
      expect(await ids(db)).toEqual([1, 2, 3])
    })
  })

  it('ambient transactions, lazy ones and upserts work as ever', async () => {
    const db = open({ ambient: true, lazyBegin: true })
    await inTestTransaction(db, async () => {
      const failed = db.transaction(async () => {
        await insert(db, 1)
        await db.transaction(() => insert(db, 2))
        expect(await ids(db)).toEqual([1, 2])
        throw boom
      })
      expect(await rejection(failed)).toBe(boom)
      expect(await ids(db)).toEqual([])
      await db.transaction(async () => 'nothing is asked')
      await getOrCreate(db, 'items', { id: 3 })
      expect(await getOrCreate(db, 'items', { id: 3 })).toMatchObject({ created: false })
      expect(await db.transaction((trx) => getOrCreate(trx, 'items', { id: 4 }))).toMatchObject({
        created: true,
      })
      expect(await ids(db)).toEqual([3, 4])
    })
  })

  it('a clone of the instance, a batch and a migration are a part of it', async () => {
    const db = open()
    const clone = db.withUserParams({ tenant: 7 })
    const migrationSource = {
      getMigrations: async () => ['one'],
      getMigrationName: (name: string) => name,
      getMigration: async () => ({
        up: (trx: Knex) => trx.schema.createTable('migrated', (table) => table.integer('id')),
        down: (trx: Knex) => trx.schema.dropTable('migrated'),
      }),
    }
    await inTestTransaction(clone, async () => {
      await insert(clone, 1)
      await db.batchInsert('items', [{ id: 2 }, { id: 3 }], 1)
      expect(await ids(db)).toEqual([1, 2, 3])
      await db.migrate.latest({ migrationSource })
      expect(await db('migrated').pluck('id')).toEqual([])
    })
    expect(await database.rows(`select to_regclass('migrated') as name`)).toEqual([{ name: null }])
  })

  it('the connection goes back into the pool as it came', async () => {
    const db = open({}, { pool: { max: 1 } })
    const pid = await pidOf(db)
    for (let test = 0; test < 3; test++) {
      await inTestTransaction(db, async () => {
        expect(await pidOf(db)).toBe(pid)
        expect(await rejection(db.raw('select pg_sleep(0.1)').timeout(10))).toMatchObject({
          name: 'KnexTimeoutError',
        })
        await db.transaction((trx) => trx.raw(`set local statement_timeout = '9s'; set lock_timeout = '8s'`))
      })
    }
    expect(await pidOf(db)).toBe(pid)
    const { rows } = await db.raw(
      `select current_setting('statement_timeout') as a, current_setting('lock_timeout') as b`,
    )
    expect(rows).toEqual([{ a: '0', b: '0' }])
    await db.transaction(async (trx) => expect(await pidOf(trx)).toBe(pid))
  })

  it('the events of queries tell what they tell without it', async () => {
    const db = open()
    const seen: string[] = []
    db.on('query', ({ sql }: { sql: string }) => seen.push(sql))
    await inTestTransaction(db, async () => {
      await ids(db)
      await db.transaction((trx) => ids(trx), { readOnly: true })
      await rejection(db.transaction(() => Promise.reject(boom)))
    })
    const select = 'select "id" from "items" order by "id" asc'
    expect(seen).toEqual([select, 'BEGIN TRANSACTION READ ONLY;', select, 'COMMIT;', 'BEGIN;', 'ROLLBACK'])
  })
})
