import type { Knex } from 'knex'
import { afterCommit, AfterCommitError, afterRollback, isRollbackOnly, type RetryOptions } from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, pidOf, rejection, useItems } from './items.ts'

const quick: RetryOptions = { minDelayMs: 1, maxDelayMs: 2 }

describe.each(knexVersions)('a root that is run again on Knex %s', (_version, knex) => {
  const database = useItems()
  beforeEach(() => database.rows("delete from items; insert into items values (1, 'a'), (2, 'b')"))
  const open = () => connectFlat(database, { knex }).db
  const set = (on: Knex, id: number, note: string) => on('items').where({ id }).update({ note })
  const noteOf = async (id: number) =>
    (await database.rows(`select note from items where id = ${id}`))[0].note

  /** Fails with 40001 as often as told: another session changes what the snapshot has seen. */
  const clash = async (trx: Knex, other: Knex) => {
    await trx('items').select()
    await other('items').where({ id: 1 }).update({ note: 'other' })
    await set(trx, 1, 'mine')
  }
  const serialized = { isolationLevel: 'repeatable read' } as const

  it('succeeds where a serialization failure does not come twice, with the hooks of its last run only', async () => {
    const db = open()
    const ran: string[] = []
    let runs = 0
    const result = await db.transaction(
      async (trx) => {
        runs++
        afterCommit(trx, () => ran.push(`committed by run ${runs}`))
        afterRollback(trx, () => ran.push(`rolled back run ${runs}`))
        if (runs < 3) await clash(trx, db)
        else await set(trx, 1, 'mine')
        return runs
      },
      { ...serialized, retry: quick },
    )
    expect(result).toBe(3)
    expect(await noteOf(1)).toBe('mine')
    expect(ran).toEqual(['rolled back run 1', 'rolled back run 2', 'committed by run 3'])
  })

  it('is run again as a whole after a deadlock', async () => {
    const db = open()
    const runs = [0, 0]
    let meet!: () => void
    const met = new Promise<void>((resolve) => (meet = resolve))
    let locked = 0
    const cross = (me: 0 | 1) =>
      db.transaction(
        async (trx) => {
          // Run again, it first waits for the other one, which may not have all its locks yet: the two must not meet again.
          const [first, second] = ++runs[me]! === 1 ? [me + 1, 2 - me] : [2 - me, me + 1]
          await set(trx, first, `run ${me}`)
          if (++locked === 2) meet()
          await met
          await trx.transaction((scope) => set(scope, second, `run ${me}`))
        },
        { retry: quick },
      )
    await Promise.all([cross(0), cross(1)])
    expect(runs.sort()).toEqual([1, 2])
    expect(await noteOf(1)).toBe(await noteOf(2))
  })

  it('is run again where the application has wrapped, or swallowed, what the database said', async () => {
    const db = open()
    for (const spoil of [
      (error: unknown) => Promise.reject(new Error('wrapped', { cause: error })),
      () => Promise.resolve('swallowed'),
    ]) {
      let runs = 0
      await db.transaction(
        async (trx) => {
          if (++runs > 1) return
          await clash(trx, db).catch(spoil)
        },
        { ...serialized, retry: quick },
      )
      expect(runs).toBe(2)
    }
  })

  it('gives up after its attempts, with the earlier failures on the last', async () => {
    const db = open()
    let runs = 0
    const error = await rejection(
      db.transaction(
        async (trx) => {
          const run = ++runs
          await clash(trx, db).catch((cause: unknown) => {
            throw new Error(`run ${run}`, { cause })
          })
        },
        { ...serialized, retry: { ...quick, attempts: 3 } },
      ),
    )
    expect(runs).toBe(3)
    expect(error).toMatchObject({ message: 'run 3', cause: { code: '40001' } })
    expect(error.earlierFailures.map(({ message }: Error) => message)).toEqual(['run 1', 'run 2'])
  })

  it('leaves an error as it is on which nothing can be put', async () => {
    const db = open()
    const frozen = Object.freeze(new Error('frozen'))
    const error = await rejection(
      db.transaction((trx) => clash(trx, db).catch(() => Promise.reject(frozen)), {
        ...serialized,
        retry: { ...quick, attempts: 2 },
      }),
    )
    expect(error).toBe(frozen)
  })

  it.each<[string, (trx: Knex) => Promise<unknown>]>([
    ['under a statement', (trx) => trx.raw('select pg_terminate_backend(pg_backend_pid())')],
    [
      'between two',
      async (trx) => {
        const connection = await trx.client.acquireConnection()
        const ended = new Promise((resolve) => connection.once('end', resolve))
        await database.rows(`select pg_terminate_backend(${await pidOf(trx)})`)
        await ended
        await set(trx, 1, 'mine')
      },
    ],
  ])('is run again after its connection was lost %s', async (_when, lose) => {
    let runs = 0
    await open().transaction(
      async (trx) => {
        if (++runs === 1) await lose(trx)
      },
      { retry: quick },
    )
    expect(runs).toBe(2)
  })

  it.each([
    ['an error of the application', () => Promise.reject(new Error('boom'))],
    ['a unique violation', (trx: Knex) => trx('items').insert({ id: 1 })],
    ['a scope that was rolled back', (trx: Knex) => trx.transaction(async (scope) => scope.rollback())],
  ])('is not run again after %s', async (_what, fail) => {
    let runs = 0
    await rejection(
      open().transaction(
        async (trx) => {
          runs++
          await fail(trx)
        },
        { retry: quick },
      ),
    )
    expect(runs).toBe(1)
  })

  const lostElsewhere = () =>
    Promise.reject(new Error('Client has encountered a connection error and is not queryable'))

  it.each<[string, (trx: Knex.Transaction) => unknown]>([
    ['a hook fails behind COMMIT', (trx) => afterCommit(trx, lostElsewhere)],
    [
      'the callback throws while COMMIT is on its way',
      (trx) => {
        void trx.commit()
        return lostElsewhere()
      },
    ],
  ])('is not run again once it is committed, where %s', async (_what, end) => {
    let runs = 0
    const error = await rejection(
      open().transaction(
        async (trx) => {
          await trx('items').insert({ id: 10 + runs++ })
          await end(trx)
        },
        { retry: quick },
      ),
    )
    expect(error instanceof AfterCommitError ? error.errors[0] : error).toMatchObject({
      message: expect.stringContaining('is not queryable'),
    })
    expect(await idsIn(database)).toEqual([1, 2, 10])
  })

  it('begins no run behind its deadline', async () => {
    const db = open()
    let runs = 0
    await rejection(
      db.transaction(
        async (trx) => {
          runs++
          await clash(trx, db)
        },
        { ...serialized, retry: { minDelayMs: 1e12, maxDelayMs: 1e12, deadlineMs: 1e5 } },
      ),
    )
    expect(runs).toBe(1)
  })

  it('stops where its signal says so, in the middle of a pause, and before the first run', async () => {
    const db = open()
    const stop = new AbortController()
    const reason = new Error('shutting down')
    const error = await rejection(
      db.transaction(
        async (trx) => {
          await clash(trx, db).catch((failure: unknown) => {
            setImmediate(() => stop.abort(reason))
            throw failure
          })
        },
        { ...serialized, retry: { minDelayMs: 1e8, maxDelayMs: 1e8, signal: stop.signal } },
      ),
    )
    expect(error).toBe(reason)
    expect(error.earlierFailures).toEqual([expect.objectContaining({ code: '40001' })])
    expect(
      await rejection(db.transaction(async () => expect.unreachable(), { retry: { signal: stop.signal } })),
    ).toBe(reason)
  })

  it('leaves the handle of a failed run dead', async () => {
    const db = open()
    const handles: Knex.Transaction[] = []
    await db.transaction(
      async (trx) => {
        handles.push(trx)
        if (handles.length === 1) await clash(trx, db)
        const error = await rejection(handles[0]!('items').delete())
        expect(error.message).toMatch(/already complete/)
      },
      { ...serialized, retry: quick },
    )
    expect(handles).toHaveLength(2)
    expect(handles[0]!.isCompleted()).toBe(true)
    expect(() => isRollbackOnly(handles[0]!)).toThrow(/has ended already/)
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('tells who listens of the queries of every run', async () => {
    const db = open()
    const heard: string[] = []
    let runs = 0
    const transaction = db.transaction(
      async (trx) => {
        if (++runs === 1) await clash(trx, db)
      },
      { ...serialized, retry: quick },
    ) as unknown as Promise<unknown> & {
      on: (event: string, listener: (query: { sql: string }) => void) => void
    }
    transaction.on('query', ({ sql }) => heard.push(sql))
    await transaction
    expect(heard.filter((sql) => sql.startsWith('BEGIN'))).toHaveLength(2)
  })
})
