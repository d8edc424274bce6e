import type { Knex } from 'knex'
import { afterCommit, RollbackOnlyError, UnexpectedRollbackError } from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, pidOf, rejection, useItems } from './items.ts'

describe.each(knexVersions)('a lazy BEGIN on Knex %s', (_version, knex) => {
  const database = useItems()
  beforeEach(() => database.rows('delete from items; insert into items values (1)'))
  const open = (config: Partial<Knex.Config> = {}) =>
    connectFlat(database, { knex, config: { pool: { max: 1 }, ...config } }, { lazyBegin: true })
  const insert = (on: Knex, id: number) => on('items').insert({ id })
  const boom = new Error('boom')

  it('takes no connection for a transaction without statements', async () => {
    const { db, received } = open()
    const ran: string[] = []
    const result = await db.transaction(async (trx) => {
      afterCommit(trx, () => ran.push('hook'))
      // The only connection is free.
      await trx.transaction(() => db.raw('select 1'))
      return 'done'
    })
    expect([result, ran]).toEqual(['done', ['hook']])
    expect(await rejection(db.transaction(() => Promise.reject(boom)))).toBe(boom)
    const trx = await db.transaction()
    await trx.rollback()
    expect(await received()).toEqual(['select 1'])
  })

  it('sends BEGIN right before the first statement, once, with its mode', async () => {
    const { db, received } = open()
    await db.transaction(
      async (trx) => {
        await Promise.all([trx.raw('select 1'), trx.raw('select 2')])
        await trx.transaction((scope) => scope.raw('select 3'))
      },
      { isolationLevel: 'repeatable read', readOnly: true },
    )
    expect(await received()).toEqual([
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'.replace('REPEATABLE READ', 'repeatable read'),
      'select 1',
      'select 2',
      'select 3',
      'COMMIT;',
    ])
  })

  it('gives the connection back, and runs all statements on it', async () => {
    const { db } = open()
    for (const id of [2, 3]) {
      await db.transaction(async (trx) => {
        await insert(trx, id)
        expect(await pidOf(trx)).toBe(await pidOf(trx))
      })
    }
    expect(await idsIn(database)).toEqual([1, 2, 3])
    expect((db.client as { pool: { numUsed: () => number } }).pool.numUsed()).toBe(0)
  })

  it('is doomed by a failed statement, and rolled back', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 2)
        await insert(trx, 1).catch(() => 'swallowed')
        expect(await rejection(insert(trx, 3))).toBeInstanceOf(RollbackOnlyError)
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(await idsIn(database)).toEqual([1])
  })

  it('lets the first statement tell that there is no connection, and the transaction is rolled back', async () => {
    const { db } = open({ acquireConnectionTimeout: 1000 })
    const holder = await db.client.acquireConnection()
    const error = await rejection(
      db.transaction(async (trx) => {
        expect((await rejection(insert(trx, 2))).name).toBe('KnexTimeoutError')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.message).toContain('BEGIN')
    await db.client.releaseConnection(holder)
    await db.transaction((trx) => insert(trx, 2))
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('streams', async () => {
    const { db } = open()
    const rows = await db.transaction(async (trx) => {
      const seen: unknown[] = []
      for await (const row of trx('items').select('id').stream()) seen.push(row)
      return seen
    })
    expect(rows).toEqual([{ id: 1 }])
  })

  it('tells its events with the ids of transaction and connection', async () => {
    const { db } = open()
    const events: Record<string, unknown>[] = []
    db.on('query', (event: Record<string, unknown>) => events.push(event))
    await db.transaction((trx) => insert(trx, 2))
    const ids = events.map(({ __knexTxId, __knexUid }) => [__knexTxId, __knexUid])
    expect(ids).toHaveLength(3)
    expect(new Set(ids.map(String)).size).toBe(1)
    expect(ids[0]).toEqual([expect.stringMatching(/^trx/), expect.any(String)])
  })
})
