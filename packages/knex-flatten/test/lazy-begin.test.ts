import type { EventEmitter } from 'node:events'
import type { Knex } from 'knex'
import {
  afterCommit,
  afterCompletion,
  PoolStarvationError,
  RollbackOnlyError,
  UnexpectedRollbackError,
} from 'knex-flatten'
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
    // Nothing of it stays on its connection.
    expect(await db('items').pluck('id')).toEqual([1])
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

  describe('whose first statement nobody awaits', () => {
    it('is begun all the same, and keeps what that writes', async () => {
      const { db } = open()
      await db.transaction(async (trx) => void insert(trx, 2).then(() => undefined))
      expect(await idsIn(database)).toEqual([1, 2])
    })

    it('is not called committed where there is no connection for that', async () => {
      const { db } = open({ acquireConnectionTimeout: 200 })
      const ran: string[] = []
      const holder = await db.client.acquireConnection()
      const error = await rejection(
        db.transaction(async (trx) => {
          afterCompletion(trx, (outcome) => ran.push(outcome))
          insert(trx, 2).catch(() => 'swallowed')
        }),
      )
      expect(error).toBeInstanceOf(UnexpectedRollbackError)
      expect(error.cause).toMatchObject({ name: 'KnexTimeoutError' })
      expect(error.message).toMatch(/nothing of it is stored\.\nThis statement failed .*:\n {4}BEGIN\n/)
      expect(ran).toEqual(['rolled-back'])
      await db.client.releaseConnection(holder)
    })

    it('is rolled back without waiting for a connection, and gives back what it gets too late', async () => {
      const { db, received } = open({ acquireConnectionTimeout: 2_000 })
      const holder = await db.client.acquireConnection()
      let failed: unknown
      const error = await rejection(
        db.transaction(async (trx) => {
          insert(trx, 2).catch((late: unknown) => (failed = late))
          await new Promise((resolve) => setImmediate(resolve))
          throw boom
        }),
      )
      expect(error).toBe(boom)
      await db.client.releaseConnection(holder)
      await db.raw('select 1')
      expect(failed).toBeInstanceOf(RollbackOnlyError)
      expect((failed as Error).message).toMatch(/was rolled back before there was a connection for it/)
      expect(await received()).toEqual(['select 1'])
    })
  })

  it('lets a requires-new inside it have the only connection', async () => {
    const { db } = open()
    await db.transaction((trx) => trx.transaction((own) => insert(own, 2), { propagation: 'requires-new' }))
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('refuses at once a requires-new for which it would have to give its connection', async () => {
    const { db } = open({ acquireConnectionTimeout: 500 })
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 2)
        await trx.transaction((own) => insert(own, 3), { propagation: 'requires-new' })
      }),
    )
    expect(error).toBeInstanceOf(PoolStarvationError)
  })

  it('cancels a statement on the connection that it got', async () => {
    const { db } = connectFlat(database, { knex, config: { pool: { max: 2 } } }, { lazyBegin: true })
    let pid: number | undefined
    const error = await rejection(
      db.transaction(async (trx) => {
        pid = await pidOf(trx)
        await trx.raw('select pg_sleep(60)').timeout(50, { cancel: true })
      }),
    )
    expect(error.name).toBe('KnexTimeoutError')
    expect(await database.rows(`select state from pg_stat_activity where pid = ${pid}`)).toEqual([
      { state: 'idle' },
    ])
  })

  it('is doomed by the loss of its connection, also where nobody has noticed', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        const pid = await pidOf(trx)
        const { used } = (db.client as { pool: { used: { resource: EventEmitter }[] } }).pool
        const ended = new Promise((resolve) => used[0]!.resource.once('end', resolve))
        await database.rows(`select pg_terminate_backend(${pid})`)
        await ended
        await insert(trx, 2).catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.message).toContain('The connection was lost')
  })

  it('takes a connection that is given to it at once', async () => {
    const { db, received } = open()
    const connection = await db.client.acquireConnection()
    await db.transaction(async () => undefined, { connection })
    await db.client.releaseConnection(connection)
    expect(await received()).toEqual(['BEGIN;', 'COMMIT;'])
  })

  it('sets a savepoint as its first statement', async () => {
    const { db, received } = open()
    await db.transaction((trx) => trx.transaction((part) => insert(part, 2), { savepoint: true }))
    expect((await received())[0]).toBe('BEGIN')
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('tells a stream that there is no connection, so that no reader waits for ever', async () => {
    const { db } = open({ acquireConnectionTimeout: 200 })
    const holder = await db.client.acquireConnection()
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx('items')
          .stream()
          .toArray()
          .catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    await db.client.releaseConnection(holder)
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
    await db.raw('select 1')
    expect(events.pop()!['__knexTxId']).toBeUndefined()
    const ids = events.map(({ __knexTxId, __knexUid }) => [__knexTxId, __knexUid])
    expect(ids).toHaveLength(3)
    expect(new Set(ids.map(String)).size).toBe(1)
    expect(ids[0]).toEqual([expect.stringMatching(/^trx/), expect.any(String)])
  })
})
