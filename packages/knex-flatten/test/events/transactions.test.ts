import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import {
  afterCommit,
  afterCompletion,
  flatten,
  setRollbackOnly,
  type TraceMessages,
  type Traced,
} from 'knex-flatten'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { connectFlat, rejection, useItems } from '../items.ts'
import { told, traces } from './told.ts'

const database = useItems()
afterEach(() => database.rows('truncate items, orders'))
const open = (options = {}) => connectFlat(database, {}, options).db

describe('of a transaction', () => {
  it('its beginning, its COMMIT and its end are told, with what is known of it', async () => {
    const db = open()
    const began = told('knex-flatten:begin')
    const ended = told('knex-flatten:outcome')
    const traced = traces('knex-flatten:transaction')
    await db.transaction(
      async (trx) => {
        expect(began).toHaveLength(1)
        await trx('items').insert({ id: 1 })
        await trx('items').select()
      },
      { name: 'pay', isolationLevel: 'repeatable read' },
    )
    const [{ transaction }] = began as [(typeof began)[0]]
    expect(transaction).toMatchObject({
      kind: 'transaction',
      name: 'pay',
      isolationLevel: 'repeatable read',
      readOnly: false,
      route: undefined,
      statements: 2,
      outcome: 'committed',
    })
    expect(transaction.db).toBe(db)
    expect(transaction.openedAt).toMatch(/transactions\.test\.ts:\d+:\d+$/)
    expect(ended).toEqual([
      { transaction, outcome: 'committed', durationMs: expect.any(Number), error: undefined },
    ])
    expect(traced.map(({ event }) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    for (const { message } of traced) expect(message.transaction).toBe(transaction)
  })

  it('what its callback threw is told with its ROLLBACK', async () => {
    const ended = told('knex-flatten:outcome')
    const traced = traces('knex-flatten:transaction')
    const boom = new Error('boom')
    await rejection(open().transaction(async () => Promise.reject(boom)))
    expect(ended).toMatchObject([{ outcome: 'rolled-back', error: boom }])
    expect(traced.map(({ event }) => event)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(traced[0]!.message.error).toBe(boom)
  })

  it('that never began the end is told all the same', async () => {
    const ended = told('knex-flatten:outcome')
    const began = told('knex-flatten:begin')
    const { db } = database.connect({ url: 'postgres://127.0.0.1:1/nowhere' })
    const error = await rejection(flatten(db).transaction(async () => undefined))
    expect(ended).toMatchObject([{ outcome: 'rolled-back', error }])
    expect(began).toEqual([])
  })

  it('whose COMMIT was lost the outcome is told to be unknown', async () => {
    await database.rows(`
      create or replace function die() returns trigger language plpgsql as
        $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
      create constraint trigger die after insert on orders deferrable initially deferred
        for each row execute function die();
    `)
    onTestFinished(async () => {
      await database.rows('drop trigger die on orders')
    })
    const ended = told('knex-flatten:outcome')
    const error = await rejection(open().transaction(async (trx) => trx('orders').insert({ item: null })))
    expect(ended).toMatchObject([{ outcome: 'unknown', error }])
    expect(error.code).toBe('FLATTEN_COMMIT_UNKNOWN')
  })

  it('the hooks are told, each with its own end', async () => {
    const hooks = traces('knex-flatten:hook')
    const failure = new Error('no mail today')
    await rejection(
      open().transaction(async (trx) => {
        afterCommit(trx, () => Promise.reject(failure))
        afterCompletion(trx, () => undefined)
      }),
    )
    const seen = hooks.map(({ event, message }) => `${message.hook.moment} ${event}`)
    expect(seen).toEqual([
      ...['start', 'end', 'error', 'asyncStart', 'asyncEnd'].map((event) => `afterCommit ${event}`),
      ...['start', 'end', 'asyncStart', 'asyncEnd'].map((event) => `afterCompletion ${event}`),
    ])
    expect(hooks[0]!.message.error).toBe(failure)
    expect(hooks[0]!.message.hook.registeredAt).toMatch(/transactions\.test\.ts/)
  })

  it('each further run is told before it begins', async () => {
    const retries = told('knex-flatten:retry')
    const began = told('knex-flatten:begin')
    let runs = 0
    await open().transaction(
      async (trx) => {
        if (++runs < 3) await trx.raw(`do $$ begin raise exception 'again' using errcode = '40001'; end $$`)
      },
      { retry: { minDelayMs: 1, maxDelayMs: 2 } },
    )
    expect(retries.map(({ attempt, transaction }) => [attempt, transaction])).toEqual([
      [1, began[0]!.transaction],
      [2, began[1]!.transaction],
    ])
    expect(retries[0]).toMatchObject({ error: { code: '40001' }, pauseMs: expect.any(Number) })
  })
})

describe('of a scope', () => {
  it('its beginning and its end are told, and where it stands', async () => {
    const scopes = traces('knex-flatten:scope')
    const began = told('knex-flatten:begin')
    await open().transaction(async (trx) =>
      trx.transaction(
        async (outer) => outer.transaction(async () => undefined, { name: 'inner', readOnly: true }),
        { name: 'outer' },
      ),
    )
    const named = scopes.map(({ event, message }) => `${message.scope.name} ${event}`)
    expect(named).toEqual([
      'outer start',
      'outer end',
      'inner start',
      'inner end',
      'inner asyncStart',
      'inner asyncEnd',
      'outer asyncStart',
      'outer asyncEnd',
    ])
    const [outer, inner] = [scopes[0]!.message.scope, scopes[2]!.message.scope]
    expect(outer).toMatchObject({ kind: 'scope', savepoint: false, readOnly: false })
    expect(outer.parent).toBe(began[0]!.transaction)
    expect(inner.parent).toBe(outer)
    expect(inner).toMatchObject({ readOnly: true, transaction: began[0]!.transaction })
    expect(new Set([outer.id, inner.id, outer.transaction.id]).size).toBe(3)
  })

  it('that fails it is told what it has doomed, once, whoever swallows it', async () => {
    const doomed = told('knex-flatten:doom')
    const boom = new Error('boom')
    await rejection(
      open().transaction(async (trx) => {
        await rejection(trx.transaction(async () => Promise.reject(boom), { name: 'bonus' }))
        setRollbackOnly(trx, 'a second reason')
      }),
    )
    expect(doomed).toMatchObject([
      { kind: 'scope-failed', error: boom, in: { kind: 'scope', name: 'bonus' } },
    ])
    expect(doomed[0]!.transaction).toBe(doomed[0]!.in.kind === 'scope' && doomed[0]!.in.transaction)
  })

  it('with a savepoint only its own doom is told', async () => {
    const doomed = told('knex-flatten:doom')
    const scopes = traces('knex-flatten:scope')
    await open({ nested: 'escalate' }).transaction(async (trx) => {
      await rejection(trx.transaction(async (scope) => scope.raw('select nonsense')))
    })
    expect(doomed).toMatchObject([{ kind: 'statement', sql: 'select nonsense', error: { code: '42703' } }])
    expect(scopes[0]!.message.scope.savepoint).toBe(true)
  })
})

describe('a subscriber', () => {
  const channel = tracingChannel('knex-flatten:transaction').start

  /** What the process would have died of. */
  const uncaughtDuring = async (run: () => Promise<unknown>): Promise<unknown[]> => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const uncaught: unknown[] = []
    process.on('uncaughtException', (error) => uncaught.push(error))
    try {
      await run()
      await new Promise((resolve) => setImmediate(resolve))
      return uncaught
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  }

  it('that throws does no harm to a transaction: what it throws is an uncaught exception', async () => {
    const boom = new Error('a faulty subscriber')
    const fail = () => {
      throw boom
    }
    const names = ['knex-flatten:begin', 'knex-flatten:outcome', channel.name]
    for (const name of names) subscribe(name, fail)
    onTestFinished(() => names.forEach((name) => void unsubscribe(name, fail)))
    const db = open()
    const uncaught = await uncaughtDuring(() => db.transaction(async (trx) => trx('items').insert({ id: 1 })))
    expect(uncaught).toEqual([boom, boom, boom])
    expect(await database.rows('select id from items')).toEqual([{ id: 1 }])
  })

  const whenStarted = (take: (message: TraceMessages['knex-flatten:transaction'] & Traced) => void) => {
    const listener = (message: unknown) => take(message as TraceMessages['knex-flatten:transaction'] & Traced)
    subscribe(channel.name, listener)
    onTestFinished(() => {
      unsubscribe(channel.name, listener)
    })
  }

  it('can let a transaction run in a context of its own, callback, statements and hooks', async () => {
    const storage = new AsyncLocalStorage<string>()
    whenStarted(({ runIn }) => runIn((run) => storage.run('mine', run)))
    const db = open()
    const seen: (string | undefined)[] = []
    await db.transaction(async (trx) => {
      seen.push(storage.getStore())
      await trx('items').select()
      seen.push(storage.getStore())
      afterCommit(trx, () => seen.push(storage.getStore()))
    })
    expect(seen).toEqual(['mine', 'mine', 'mine'])
    expect(storage.getStore()).toBeUndefined()
  })

  it("can bind a store, which is Node's way to do it", async () => {
    const storage = new AsyncLocalStorage<object>()
    channel.bindStore(storage)
    onTestFinished(() => void channel.unbindStore(storage))
    const inside = await open().transaction(async () => storage.getStore())
    expect(inside).toHaveProperty('transaction')
  })

  it.each(['throws before', 'throws behind', 'runs nothing', 'runs it twice'])(
    'whose context %s keeps nothing from running, once',
    async (how) => {
      whenStarted(({ runIn }) =>
        runIn((run) => {
          if (how === 'throws before') throw new Error('a faulty tracer')
          if (how === 'runs nothing') return
          run()
          if (how === 'runs it twice') run()
          if (how === 'throws behind') throw new Error('a faulty tracer')
        }),
      )
      const db = open()
      let runs = 0
      const uncaught = await uncaughtDuring(() =>
        db.transaction(async () => {
          runs++
        }),
      )
      expect(runs).toBe(1)
      expect(uncaught).toHaveLength(how.startsWith('throws') ? 1 : 0)
    },
  )
})
