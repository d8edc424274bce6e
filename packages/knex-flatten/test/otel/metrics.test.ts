import createKnex from 'knex'
import pg from 'pg'
import { flatten } from 'knex-flatten'
import { route } from 'knex-flatten/routing'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { connectFlat, rejection, useItems } from '../items.ts'
import { pool } from '../routing/routes.ts'
import { observed } from './telemetry.ts'

const database = useItems()
afterEach(() => database.rows('truncate items, orders'))

describe('the gauges of pools', () => {
  const POOL = 'db.client.connection.pool.name'
  const STATE = 'db.client.connection.state'

  it('show both pools of a routed instance', async () => {
    const db = route({
      reader: pool(database, 'reader', { pool: { max: 3 } }),
      writer: pool(database, 'primary', { pool: { max: 1 } }),
    })
    const { points } = observed(db, { name: 'shop' })
    await db('items').select()
    await db.transaction(
      async (trx) => {
        await trx('items').select()
        const waiting = db.transaction(async () => undefined, { target: 'writer' })
        await expect
          .poll(() => points('db.client.connection.pending_requests'))
          .toEqual([
            [{ [POOL]: 'shop reader' }, 0],
            [{ [POOL]: 'shop writer' }, 1],
          ])
        expect(await points('db.client.connection.count')).toEqual([
          [{ [POOL]: 'shop reader', [STATE]: 'used' }, 0],
          [{ [POOL]: 'shop reader', [STATE]: 'idle' }, 1],
          [{ [POOL]: 'shop writer', [STATE]: 'used' }, 1],
          [{ [POOL]: 'shop writer', [STATE]: 'idle' }, 0],
        ])
        void waiting
      },
      { target: 'writer' },
    )
    expect(await points('db.client.connection.max')).toEqual([
      [{ [POOL]: 'shop reader' }, 3],
      [{ [POOL]: 'shop writer' }, 1],
    ])
  })

  it('show the one pool of a flattened instance, and none once that is closed', async () => {
    const db = flatten(
      createKnex({ client: 'pg', connection: database.primaryUrl, pool: { min: 0, max: 4 } }),
    )
    const { points } = observed(db)
    await db.transaction(async (trx) => {
      await trx('items').select()
      expect(await points('db.client.connection.count')).toEqual([
        [{ [POOL]: 'pool', [STATE]: 'used' }, 1],
        [{ [POOL]: 'pool', [STATE]: 'idle' }, 0],
      ])
    })
    await db.destroy()
    expect(await points('db.client.connection.count')).toEqual([
      [{ [POOL]: 'pool', [STATE]: 'used' }, 0],
      [{ [POOL]: 'pool', [STATE]: 'idle' }, 0],
    ])
  })

  it("show the driver's own pool", async () => {
    const handed = new pg.Pool({ connectionString: database.primaryUrl, max: 2 })
    onTestFinished(() => handed.end())
    const db = flatten(createKnex({ client: 'pg', connectionPool: handed } as never))
    const { points } = observed(db)
    await db.transaction(async () => {
      expect(await points('db.client.connection.count')).toContainEqual([
        { [POOL]: 'pool', [STATE]: 'used' },
        1,
      ])
    })
    expect(await points('db.client.connection.max')).toEqual([[{ [POOL]: 'pool' }, 2]])
  })
})

describe('of transactions', () => {
  it('duration, crossings, dooms and retries are counted', async () => {
    const { db } = connectFlat(database, {}, { crossings: { warn: 2 } })
    const { points } = observed(db)
    await db.transaction(async (trx) => {
      await trx('items').insert({ id: 1 })
      await trx('items').insert({ id: 2 })
    })
    let runs = 0
    await db.transaction(
      async (trx) => {
        if (++runs < 2) await trx.raw(`do $$ begin raise exception 'again' using errcode = '40001'; end $$`)
      },
      { retry: { minDelayMs: 1, maxDelayMs: 2 } },
    )
    expect(await points('knex_flatten.transaction.duration')).toEqual([
      [{ 'knex_flatten.outcome': 'committed' }, 2],
      [{ 'knex_flatten.outcome': 'rolled-back' }, 1],
    ])
    expect(await points('knex_flatten.transaction.crossings')).toContainEqual([
      { 'knex_flatten.outcome': 'committed' },
      3,
    ])
    expect(await points('knex_flatten.transaction.dooms')).toEqual([
      [{ 'knex_flatten.kind': 'statement' }, 1],
    ])
    expect(await points('knex_flatten.transaction.retries')).toEqual([
      [{ 'error.type': '40001', 'db.response.status_code': '40001' }, 1],
    ])
    expect(await points('knex_flatten.crossings.verdicts')).toEqual([
      [{ 'knex_flatten.budget': 'transaction', 'knex_flatten.verdict': 'sent' }, 1],
    ])
  })

  it('of other instances nothing is counted', async () => {
    const { points } = observed(connectFlat(database).db)
    await connectFlat(database).db.transaction(async () => undefined)
    expect(await points('knex_flatten.transaction.duration')).toEqual([])
  })
})

describe('of a routed instance', () => {
  it('routes, fallbacks and failures are counted, and verdicts of the guard', async () => {
    const nobody = createKnex({
      client: 'pg',
      connection: 'postgres://127.0.0.1:1/none',
      pool: { min: 0 },
      log: { warn: () => undefined },
    })
    const db = route({ reader: nobody, writer: pool(database, 'primary'), guard: 'always' })
    const { points } = observed(db)
    await db('items').select()
    await db.transaction(async () => undefined)
    await rejection(db.transaction(async (trx) => trx.raw('lock table items')))
    const there = { 'knex_flatten.target': 'writer', 'knex_flatten.reason': 'readers-failed' }
    expect(await points('knex_flatten.routes')).toEqual([
      [{ ...there, 'knex_flatten.what': 'statement' }, 1],
      [{ ...there, 'knex_flatten.what': 'transaction' }, 2],
    ])
    expect(await points('knex_flatten.fallbacks')).toEqual([[there, 3]])
    expect(await points('knex_flatten.reader.failures')).toEqual([
      [{ 'db.client.connection.pool.name': 'reader', 'error.type': 'ECONNREFUSED' }, 1],
    ])
    expect(await points('knex_flatten.guard.verdicts')).toEqual([
      [{ 'knex_flatten.rule': 'lock-table', 'knex_flatten.verdict': 'refused' }, 1],
    ])
  })
})
