import createKnex, { type Knex } from 'knex'
import {
  CommitOutcomeUnknownError,
  flatten,
  PoolStarvationError,
  UnexpectedRollbackError,
} from 'knex-flatten'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { idsIn, pidOf, rejection, useItems } from './items.ts'

/** Knex takes one from 3.3 on; what it does for its own connections, it does not for those. */
describe.each([
  ['at once', false],
  ['with the first statement', true],
])("a pool of the driver's own, from which a transaction takes its connection %s", (_when, lazyBegin) => {
  const database = useItems()
  let pool: pg.Pool
  let db: Knex
  beforeEach(async () => {
    await database.rows('delete from items')
    pool = new pg.Pool({ connectionString: database.primaryUrl, max: 2 })
    db = flatten(createKnex({ client: 'pg', connectionPool: pool, log: { warn: () => undefined } }), {
      lazyBegin,
    })
  })
  afterEach(() => pool.end())

  it('gets it back, however the transaction ends', async () => {
    await db.transaction(async (trx) => {
      await trx('items').insert({ id: 1 })
      await trx.transaction((inner) => inner('items').insert({ id: 2 }))
    })
    const swallowed = db.transaction(async (trx) => {
      await trx('items')
        .insert({ id: 1 })
        .catch(() => 'swallowed')
    })
    expect(await rejection(swallowed)).toBeInstanceOf(UnexpectedRollbackError)
    expect(pool).toMatchObject({ totalCount: 1, idleCount: 1 })
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('loses a connection without an end of the process, and lends it to nobody again', async () => {
    let lost!: number
    const taken: pg.PoolClient[] = []
    pool.on('acquire', (client) => taken.push(client))
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx('items').insert({ id: 1 })
        lost = await pidOf(trx)
        const ended = new Promise<void>((resolve) => taken.at(-1)!.once('end', resolve))
        await database.rows(`select pg_terminate_backend(${lost})`)
        await ended
        await trx('items')
          .insert({ id: 2 })
          .catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.message).toContain('The connection was lost')
    expect(await pidOf(db)).not.toBe(lost)
    expect(await idsIn(database)).toEqual([])
  })

  it('lets nobody believe in a COMMIT whose connection was lost', async () => {
    await database.rows(`
      create function fall_silent() returns trigger language plpgsql as
        'begin perform pg_terminate_backend(pg_backend_pid()); return null; end';
      create constraint trigger silent after insert on items deferrable initially deferred
        for each row execute function fall_silent()`)
    const error = await rejection(db.transaction((trx) => trx('items').insert({ id: 1 })))
    await database.rows('drop function fall_silent() cascade')
    expect(error).toBeInstanceOf(CommitOutcomeUnknownError)
    expect(await idsIn(database)).toEqual([])
  })

  it('is known to be held by the transactions that wait for another one inside them', async () => {
    const error = await rejection(
      db.transaction(async (one) => {
        await one('items').insert({ id: 1 })
        await one.transaction(
          async (two) => {
            await two('items').insert({ id: 2 })
            await two.transaction((three) => three('items').insert({ id: 3 }), {
              propagation: 'requires-new',
            })
          },
          { propagation: 'requires-new' },
        )
      }),
    )
    expect(error).toBeInstanceOf(PoolStarvationError)
    expect(error.message).toContain('the pool has 2')
    expect(await idsIn(database)).toEqual([])
  })
})
