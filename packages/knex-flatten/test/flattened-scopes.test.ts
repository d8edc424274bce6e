import type { Knex } from 'knex'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'

describe.each(knexVersions)('flattened scopes on Knex %s', (_version, knex) => {
  const database = useItems()
  const open = () => connectFlat(database, { knex })

  beforeEach(() => database.rows('delete from items'))

  const insert = (trx: Knex, id: number) => trx('items').insert({ id })
  const inserted = 'insert into "items" ("id") values ($1)'

  it('sends one BEGIN and one COMMIT for three levels of trx.transaction', async () => {
    const { db, received } = open()
    await db.transaction(async (one) => {
      await insert(one, 1)
      await one.transaction(async (two) => {
        await insert(two, 2)
        await two.transaction(async (three) => insert(three, 3))
      })
    })
    expect(await received()).toEqual(['BEGIN;', inserted, inserted, inserted, 'COMMIT;'])
    expect(await idsIn(database)).toEqual([1, 2, 3])
  })

  const ways: [string, (trx: Knex.Transaction) => Promise<unknown>][] = [
    ['transaction with a callback', (trx) => trx.transaction(async (inner) => insert(inner, 1))],
    [
      'transaction without a callback',
      async (trx) => {
        const inner = await trx.transaction()
        await insert(inner, 1)
        await inner.commit()
      },
    ],
    ['savepoint', (trx) => trx.savepoint(async (inner) => insert(inner, 1))],
    [
      'transactionProvider',
      async (trx) => {
        const inner = await trx.transactionProvider()()
        await insert(inner, 1)
        await inner.commit()
      },
    ],
    ['batchInsert', async (trx) => await trx.batchInsert('items', [{ id: 1 }])],
    ['client.transaction', (trx) => trx.client.transaction(async (inner: Knex) => insert(inner, 1))],
    ['context.transaction', (trx) => (trx as any).context.transaction((inner: Knex) => insert(inner, 1))],
  ]
  it.each(ways)('opens a scope by %s and sends no savepoint', async (_way, nest) => {
    const { db, received } = open()
    await db.transaction(nest)
    expect(await received()).toEqual(['BEGIN;', inserted, 'COMMIT;'])
    expect(await idsIn(database)).toEqual([1])
  })

  it('runs a migration, and the transactions inside it, on a trx without a savepoint', async () => {
    const { db, received } = open()
    const migrationSource: Knex.MigrationSource<string> = {
      getMigrations: async () => ['one'],
      getMigrationName: (name) => name,
      getMigration: async () => ({
        up: (trx: Knex) => trx.transaction(async (inner) => insert(inner, 1)),
        down: async () => undefined,
      }),
    }
    const tableName = `migrations_${_version.replaceAll('.', '_')}`
    await db.transaction((trx) => trx.migrate.latest({ migrationSource, tableName }))
    const sent = await received()
    expect(sent.filter((sql) => /savepoint/i.test(sql))).toEqual([])
    expect(sent.filter((sql) => /^(begin|commit|rollback)/i.test(sql))).toEqual(['BEGIN;', 'COMMIT;'])
    expect(await idsIn(database)).toEqual([1])
  })

  it('reaches clones made by withUserParams', async () => {
    const { db, received } = open()
    const clone = db.withUserParams({ tenant: 7 } as any)
    await clone.transaction(async (trx) => {
      expect((trx as any).userParams).toEqual({ tenant: 7 })
      await trx.transaction(async (inner) => insert(inner, 1))
    })
    expect(await received()).toEqual(['BEGIN;', inserted, 'COMMIT;'])
  })

  it('lets a query join by transacting()', async () => {
    const { db, received } = open()
    await db.transaction((trx) =>
      trx.transaction(async (inner) => {
        await db('items').transacting(inner).insert({ id: 1 })
        await db.batchInsert('items', [{ id: 2 }]).transacting(inner)
      }),
    )
    expect(await received()).toEqual(['BEGIN;', inserted, inserted, 'COMMIT;'])
  })

  it("settles a scope with its callback's value and keeps Knex's marks on it", async () => {
    const { db } = open()
    const value = await db.transaction(async (trx) => {
      let seen: Knex.Transaction | undefined
      const answer = await trx.transaction(async (inner) => {
        seen = inner
        expect(inner.isTransaction).toBe(true)
        expect(inner.isCompleted()).toBe(false)
        expect(inner.parentTransaction).toBe(trx)
        return 'inner'
      })
      expect(answer).toBe('inner')
      expect(seen!.isCompleted()).toBe(true)
      await expect(seen!.executionPromise).resolves.toBe('inner')
      expect((await rejection(seen!('items').select())).message).toMatch(/already complete/)
      return 'outer'
    })
    expect(value).toBe('outer')
  })

  it('settles executionPromise with the value given to commit()', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const inner = await trx.transaction()
    await inner.commit('inner value')
    await expect(inner.executionPromise).resolves.toBe('inner value')
    await trx.commit('outer value')
    await expect(trx.executionPromise).resolves.toBe('outer value')
  })

  it.each([
    ['a root', (db: Knex, fail: () => never) => db.transaction(fail)],
    ['a scope', (db: Knex, fail: () => never) => db.transaction((trx) => trx.transaction(fail))],
  ])('rejects with what the callback of %s throws before it has returned anything', async (_what, run) => {
    const { db } = open()
    const thrown = new Error('at once')
    const fail = (): never => {
      throw thrown
    }
    expect(await rejection(run(db, fail))).toBe(thrown)
  })

  it('runs sibling scopes one after another', async () => {
    const { db } = open()
    const steps: string[] = []
    await db.transaction((trx) =>
      Promise.all(
        ['a', 'b', 'c'].map((name) =>
          trx.transaction(async (inner) => {
            steps.push(`${name} begins`)
            await inner.raw('select 1')
            steps.push(`${name} ends`)
          }),
        ),
      ),
    )
    expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  })

  it('resolves a scope rolled back without an error, as Knex does, unless told not to', async () => {
    const { db } = open()
    const silent = await db.transaction()
    const scope = await silent.transaction()
    await scope.rollback()
    await expect(scope.executionPromise).resolves.toBeUndefined()
    await silent.rollback()

    const loud = await db.transaction()
    const other = await loud.transaction(undefined, { doNotRejectOnRollback: false })
    await other.rollback()
    expect((await rejection(other.executionPromise)).message).toMatch(/rejected with non-error/)
    await loud.rollback()
  })

  /** Who hears which statement, in order. */
  async function listen(db: Knex): Promise<{ heard: string[]; ids: (string | undefined)[] }> {
    const heard: string[] = []
    const ids: (string | undefined)[] = []
    db.on('query', ({ sql, __knexTxId }) => {
      heard.push(`instance: ${sql}`)
      ids.push(__knexTxId)
    })
    await db.transaction(async (trx) => {
      trx.on('query', ({ sql }) => heard.push(`root: ${sql}`))
      await trx.raw('select 1')
      await trx.transaction(async (inner) => {
        inner.on('query', ({ sql }) => heard.push(`scope: ${sql}`))
        await inner.raw('select 2')
      })
      await trx.raw('select 3')
    })
    return { heard, ids }
  }

  it('tells the same query listeners as Knex, in the same order, of all but savepoints', async () => {
    const stock = await listen(database.connect({ knex }).db)
    const flat = await listen(open().db)
    expect(flat.heard).toEqual(stock.heard.filter((line) => !/savepoint/i.test(line)))
    expect(flat.heard.length).toBeLessThan(stock.heard.length)
  })

  it('names the transaction or scope of each statement in its query event', async () => {
    const [begin, one, two, three, commit] = (await listen(open().db)).ids
    expect(begin).toMatch(/^trx\d+$/)
    expect([one, three, commit]).toEqual([begin, begin, begin])
    expect(two).toMatch(/^trx\d+$/)
    expect(two).not.toBe(begin)
  })

  it('closes the pool within the call of destroy(), as Knex does', async () => {
    const { db } = open()
    const { pool } = db.client
    const over = db.destroy()
    expect(pool.destroyed).toBe(true)
    await over
    db.initialize()
  })
})
