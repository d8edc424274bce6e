import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type ForwardingReader, startForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import {
  flatten,
  type FlattenOptions,
  NoWriterError,
  ReaderBehindError,
  TransactionOptionsError,
} from 'knex-flatten'
import {
  causalityToken,
  requestScope,
  type RequestScopeOptions,
  waitForReader,
} from 'knex-flatten/consistency'
import { onReader, onWriter, route } from 'knex-flatten/routing'
import { inTestTransaction } from 'knex-flatten/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { pidOf, rejection } from '../../packages/knex-flatten/test/items.ts'
import { placeOf } from '../../packages/knex-flatten/test/routing/routes.ts'

/** What the reader shows is this much older than what the writer holds, milliseconds. */
const LAG_MS = 100

let server: ForwardingReader
/** A database in which the standby is as any other: the parameter is no row of `pg_settings`, and everybody may set it. */
const plainUrls = { primary: '', standby: '' }
const open: Knex[] = []

beforeAll(async () => {
  server = await startForwardingReader()
  const primary = createKnex({ client: 'pg', connection: server.primaryUrl })
  await primary.raw('create table orders (id int primary key, total int)')
  await primary.raw('create database plain')
  await primary.destroy()
  plainUrls.primary = server.primaryUrl.replace(/[^/]+$/, 'plain')
  plainUrls.standby = server.standbyUrl.replace(/[^/]+$/, 'plain')
  const inPlain = createKnex({ client: 'pg', connection: plainUrls.primary })
  await inPlain.raw(`
    create table orders (id int primary key, total int);
    set allow_system_table_mods = on;
    create or replace view pg_catalog.pg_settings as select * from pg_show_all_settings() a;
  `)
  await inPlain.destroy()
  await server.lag.caughtUp()
  await server.lag.set(LAG_MS)
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((db) => db.destroy()))
})
afterAll(() => server.stop())

const connect = (connection: string, max: number) =>
  createKnex({ client: 'pg', connection, pool: { min: 0, max }, log: { warn: () => undefined } })

/** The handle under test, closed behind it. */
function closing(db: Knex): Knex {
  open.push(db)
  return db
}

const flat = (options: FlattenOptions = {}, max = 10) =>
  closing(flatten(connect(server.readerUrl, max), options))
const routed = (options = {}, max = 10) =>
  closing(
    route({ reader: connect(server.readerUrl, max), writer: connect(server.primaryUrl, max), ...options }),
  )
/** An ordinary standby, which cannot write and has no modes. */
const plain = (options = {}) =>
  closing(
    route({ reader: connect(plainUrls.standby, 10), writer: connect(plainUrls.primary, 10), ...options }),
  )

let lastId = 0

/** A request that writes and then reads in several places at once: how many of its reads have not seen it. */
async function staleReads(db: Knex, write: (id: number) => Promise<unknown>): Promise<number> {
  const id = ++lastId
  await write(id)
  const reads = await Promise.all([
    db('orders').where({ id }),
    db('orders').where({ id }),
    db.transaction(async (trx) => trx('orders').where({ id }), { readOnly: true }),
    db.transaction(async (trx) => trx.transaction(async (inner) => inner('orders').where({ id }))),
  ])
  return reads.filter((rows) => rows.length === 0).length
}

const inParallel = async (requests: number, request: () => Promise<number>): Promise<number> =>
  (await Promise.all(Array.from({ length: requests }, request))).reduce((sum, stale) => sum + stale, 0)

const kinds: Record<string, (options?: FlattenOptions) => Knex> = {
  'an instance with one pool': flat,
  'a routed instance': routed,
  'a routed instance whose reader does not forward': plain,
}

describe.each(Object.keys(kinds))('%s', (kind) => {
  const instance = kinds[kind]!
  const policies = ['same-session', 'global', 'writer'] as const
  const possible = policies.filter((policy) => policy !== 'writer' || kind !== 'an instance with one pool')

  it('shows what was there before a request wrote, outside of a scope', async () => {
    const db = instance()
    // As many sessions as there can be, none of which has written.
    await Promise.all(Array.from({ length: 10 }, () => db('orders')))
    const id = ++lastId
    const seen: number[] = []
    await server.lag.pause()
    try {
      await db('orders').insert({ id })
      for (let read = 0; read < 10; read++) {
        void db('orders')
          .where({ id })
          .then((rows) => seen.push(rows.length))
      }
      await expect.poll(() => seen).toContain(0)
    } finally {
      await server.lag.resume()
    }
    await expect.poll(() => seen.length).toBe(10)
  })

  describe.each(possible)('with the policy %s', (policy) => {
    it.each(['session', 'eventual', undefined] as const)(
      'shows each request what it has written, where sessions are in the mode %s',
      async (consistency) => {
        if (kind.endsWith('forward') && consistency !== undefined) return
        const db = instance(consistency && { consistency })
        const stale = await inParallel(20, () =>
          requestScope(db, () => staleReads(db, async (id) => db('orders').insert({ id })), { policy }),
        )
        expect(stale).toBe(0)
      },
    )

    it('shows it what its transactions have committed, however they begin', async () => {
      for (const lazyBegin of [false, true]) {
        const db = instance({ lazyBegin })
        const write = (id: number) =>
          db.transaction(async (trx) => trx.transaction(async (inner) => inner('orders').insert({ id })))
        expect(await inParallel(20, () => requestScope(db, () => staleReads(db, write), { policy }))).toBe(0)
      }
    })

    it('leaves no connection in use, and every session as it was', async () => {
      const db = instance()
      const modeOf = async () =>
        (await db.raw("select current_setting('apg_write_forward.consistency_mode', true) as mode")).rows[0]
          .mode
      const before = await modeOf()
      await inParallel(20, () =>
        requestScope(db, () => staleReads(db, async (id) => db('orders').insert({ id })), { policy }),
      )
      expect(inUse(db)).toBe(0)
      expect(new Set(await Promise.all(Array.from({ length: 10 }, modeOf)))).toEqual(new Set([before]))
    })

    it('gives everything back where the request fails', async () => {
      const db = instance()
      const failing = requestScope(
        db,
        async () => {
          await db('orders').insert({ id: ++lastId })
          throw new Error('the request failed')
        },
        { policy },
      )
      expect((await rejection(failing)).message).toBe('the request failed')
      expect(inUse(db)).toBe(0)
    })
  })
})

function inUse(db: Knex): number {
  return (db.client as { pool: { numUsed: () => number } }).pool.numUsed()
}

describe('a request that has written on a reader', () => {
  it('reads in the session that has written', async () => {
    const db = flat()
    await requestScope(db, async () => {
      await Promise.all([pidOf(db), pidOf(db), pidOf(db)])
      await db.transaction(async (trx) => {
        await trx('orders').insert({ id: ++lastId })
      })
      const pids = await Promise.all([pidOf(db), pidOf(db), db.transaction((trx) => pidOf(trx))])
      expect(new Set(pids).size).toBe(1)
      expect(await pidOf(db)).toBe(pids[0])
      expect(await db.transaction((trx) => pidOf(trx))).toBe(pids[0])
    })
  })

  it('keeps no connection as long as it only reads', async () => {
    const db = flat({}, 1)
    await requestScope(db, async () => {
      await db('orders')
      expect(inUse(db)).toBe(0)
      await db.transaction(async (trx) => trx('orders'))
      expect(inUse(db)).toBe(0)
      await db('orders').insert({ id: ++lastId })
      expect(inUse(db)).toBe(1)
      await db('orders')
    })
    expect(inUse(db)).toBe(0)
  })

  it('goes on where its session was lost', async () => {
    const db = flat()
    const id = ++lastId
    await requestScope(db, async () => {
      await db('orders').insert({ id })
      await rejection(db.raw('select pg_terminate_backend(pg_backend_pid())'))
      expect(await db('orders').where({ id })).toHaveLength(1)
    })
    expect(inUse(db)).toBe(0)
  })

  it('does not wait for itself, wherever it reads from', async () => {
    const db = flat()
    const id = ++lastId
    await requestScope(db, async () => {
      await db('orders').insert({ id })
      await db.transaction(async (trx) => {
        await trx('orders').where({ id }).update({ total: 1 })
        // Past the transaction, and in one beside it.
        expect(await db('orders').where({ id })).toEqual([{ id, total: null }])
        await db.transaction(async (own) => expect(await own('orders').where({ id })).toHaveLength(1), {
          propagation: 'requires-new',
        })
        await requestScope(db, async () => expect(await db('orders').where({ id })).toHaveLength(1))
      })
      for await (const row of db('orders').where({ id }).stream()) {
        expect(await db('orders').where({ id })).toEqual([row])
      }
    })
    expect(inUse(db)).toBe(0)
  })

  it('shows what it has written on the writer, and on sessions beside its own', async () => {
    const db = routed()
    const [first, second] = [++lastId, ++lastId]
    await requestScope(db, async () => {
      await db('orders').insert({ id: first })
      await onWriter(db('orders').insert({ id: second }))
      expect(await placeOf(db)).toBe('reader')
      expect(await db('orders').whereIn('id', [first, second])).toHaveLength(2)
    })
    await requestScope(db, async () => {
      await Promise.all([5, 6].map(() => db('orders').insert({ id: ++lastId })))
      expect(await db('orders').whereIn('id', [lastId, lastId - 1])).toHaveLength(2)
    })
  })

  it('runs code that goes on behind it, keeping nothing for it', async () => {
    const db = flat()
    const id = ++lastId
    let later!: () => Promise<unknown[]>
    let goOn!: () => void
    const over = new Promise<void>((resolve) => (goOn = resolve))
    let read!: Promise<unknown[]>
    await requestScope(db, async () => {
      await db('orders').insert({ id })
      later = async () => db('orders').where({ id })
      read = over.then(() => later())
    })
    expect(inUse(db)).toBe(0)
    goOn()
    expect(await read).toHaveLength(1)
    expect(inUse(db)).toBe(0)
  })

  it('does not wait for a transaction that nobody awaits', async () => {
    const db = flat()
    let end!: () => void
    const mayEnd = new Promise<void>((resolve) => (end = resolve))
    let running!: Promise<unknown>
    await requestScope(db, async () => {
      await db('orders').insert({ id: ++lastId })
      running = db.transaction(async (trx) => {
        await trx('orders')
        await mayEnd
      })
      await pidOf(db)
    })
    end()
    await running
    expect(inUse(db)).toBe(0)
  })

  it('is a matter of its own instance', async () => {
    const [one, other] = [flat(), flat({}, 2)]
    await requestScope(one, () =>
      requestScope(other, async () => {
        await one('orders').insert({ id: ++lastId })
        expect(inUse(one)).toBe(1)
        expect(inUse(other)).toBe(0)
      }),
    )
  })
})

it('writes in sessions that show it, whatever the mode of the instance', async () => {
  const db = flat({ consistency: 'eventual' })
  const waits: unknown[] = []
  const listen = (message: unknown): void => void waits.push(message)
  subscribe('knex-flatten:reader-wait', listen)
  await requestScope(db, async () => {
    await db('orders').insert({ id: ++lastId })
    expect(await db('orders').where({ id: lastId })).toHaveLength(1)
  })
  unsubscribe('knex-flatten:reader-wait', listen)
  expect(waits).toEqual([])
})

describe('the policy global', () => {
  it('reads in the mode global, and only once something was written', async () => {
    const db = flat()
    const modeOf = async (on: Knex) =>
      (await on.raw("select current_setting('apg_write_forward.consistency_mode') as mode")).rows[0].mode
    await requestScope(
      db,
      async () => {
        expect(await modeOf(db)).toBe('session')
        await db('orders').insert({ id: ++lastId })
        expect(inUse(db)).toBe(0)
        expect(await modeOf(db)).toBe('global')
        expect(await db.transaction((trx) => modeOf(trx))).toBe('global')
      },
      { policy: 'global' },
    )
    expect(await modeOf(db)).toBe('session')
  })
})

describe('the policy writer', () => {
  it('reads from the reader until something is written, then from the writer, unless a query says where', async () => {
    const db = routed()
    await requestScope(
      db,
      async () => {
        expect(await placeOf(db)).toBe('reader')
        await db('orders').insert({ id: ++lastId })
        expect(await placeOf(db)).toBe('writer')
        await db.transaction(async (trx) => expect(await placeOf(trx)).toBe('writer'), { readOnly: true })
        const asked = onReader(db('orders').where({ id: lastId }))
        expect(await asked).toHaveLength(1)
        await db.transaction(async (trx) => expect(await placeOf(trx)).toBe('reader'), { target: 'reader' })
      },
      { policy: 'writer' },
    )
    expect(await placeOf(db)).toBe('reader')
  })

  it('is refused without a writer', async () => {
    const error = await rejection(requestScope(flat(), () => undefined, { policy: 'writer' }))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toContain('needs a writer to read from')
  })
})

describe('a reader that stays behind', () => {
  it.each(['same-session', 'global'] as const)(
    'leaves the reads to the writer (policy %s)',
    async (policy) => {
      const db = plain()
      await server.lag.pause()
      try {
        const id = ++lastId
        await requestScope(
          db,
          async () => {
            await db('orders').insert({ id })
            expect(await db('orders').where({ id })).toHaveLength(1)
            expect(await placeOf(db)).toBe('writer')
          },
          { policy, timeoutMs: 50 },
        )
      } finally {
        await server.lag.resume()
      }
    },
  )

  it('is told where there is no writer, and its connection closed', async () => {
    const db = flat()
    await server.lag.pause()
    try {
      const error = await rejection(
        requestScope(
          db,
          async () => {
            await db.transaction(async (trx) => trx('orders').insert({ id: ++lastId }), {
              consistency: 'eventual',
            })
            await db('orders')
          },
          { timeoutMs: 50 },
        ),
      )
      expect(error).toBeInstanceOf(ReaderBehindError)
      expect(error.message).toMatch(/50 ms were not enough.*timeoutMs/s)
    } finally {
      await server.lag.resume()
    }
    expect(inUse(db)).toBe(0)
    expect(await db('orders').where({ id: lastId })).toBeDefined()
  })
})

describe('waitForReader', () => {
  /** A write that the reader does not show before `resume`. */
  async function hidden(
    db: Knex,
    write: (id: number) => Promise<unknown>,
  ): Promise<{ id: number; token: string }> {
    await server.lag.pause()
    const id = ++lastId
    const token = await requestScope(db, async () => {
      await write(id)
      return causalityToken(db)
    })
    return { id, token: token! }
  }

  afterEach(() => server.lag.resume())

  it.each(['a forwarding reader', 'an ordinary standby'])('resolves once %s shows it', async (which) => {
    const isPlain = which.includes('ordinary')
    const db = isPlain ? plain() : flat()
    const { id, token } = await hidden(db, async (own) => db('orders').insert({ id: own }))
    const waits: { waitedMs: number; outcome: string; way: string }[] = []
    const listen = (message: unknown): void => void waits.push(message as (typeof waits)[0])
    subscribe('knex-flatten:reader-wait', listen)
    let isOver = false
    const waiting = waitForReader(db, token).then(() => (isOver = true))
    // Others are served meanwhile, and do not see it.
    expect(await onReader(db('orders').where({ id }))).toEqual([])
    expect(isOver).toBe(false)
    await server.lag.resume()
    await waiting
    unsubscribe('knex-flatten:reader-wait', listen)
    expect(await onReader(db('orders').where({ id }))).toHaveLength(1)
    expect(waits).toEqual([
      expect.objectContaining({
        outcome: 'shown',
        way: isPlain ? 'lsn' : 'global',
        waitedMs: expect.any(Number),
      }),
    ])
    expect(inUse(db)).toBe(0)
  })

  it.each([flat, plain])('gives up when it takes too long, or is called off (%#)', async (connectTo) => {
    const db = connectTo()
    const { token } = await hidden(db, async (id) => db('orders').insert({ id }))
    const late = await rejection(waitForReader(db, token, { timeoutMs: 50 }))
    expect(late).toBeInstanceOf(ReaderBehindError)
    expect(late.message).toContain('50 ms were not enough')
    const calling = new AbortController()
    const waiting = rejection(waitForReader(db, token, { signal: calling.signal }))
    calling.abort(new Error('never mind'))
    expect((await waiting).message).toBe('never mind')
    const again = rejection(waitForReader(db, token, { signal: calling.signal }))
    expect((await again).message).toBe('never mind')
    await expect.poll(() => inUse(db)).toBe(0)
    expect(await db('orders')).toBeDefined()
  })

  it('asks the writer where it is, for a token that does not say', async () => {
    const token = `1.${Date.now().toString(36)}.`
    await waitForReader(plain(), token)
    const alone = closing(route({ reader: connect(plainUrls.standby, 2), writes: 'forward' }))
    const error = await rejection(waitForReader(alone, token))
    expect(error).toBeInstanceOf(ReaderBehindError)
    expect(error.message).toContain('nobody can tell whether it does')
  })

  it('waits for each of several readers', async () => {
    const db = closing(
      route({
        readers: [connect(server.readerUrl, 2), connect(server.readerUrl, 2)],
        writer: connect(server.primaryUrl, 2),
      }),
    )
    const { token } = await hidden(db, async (id) => onWriter(db('orders').insert({ id })))
    const error = await rejection(waitForReader(db, token, { timeoutMs: 50 }))
    expect(error).toBeInstanceOf(ReaderBehindError)
    await server.lag.resume()
    await waitForReader(db, token)
    for (let read = 0; read < 4; read++) {
      expect(await onReader(db('orders').where({ id: lastId }))).toHaveLength(1)
    }
  })
})

it('waits once for what a token stands for, and stays where it has waited', async () => {
  const db = flat()
  const waits: unknown[] = []
  const listen = (message: unknown): void => void waits.push(message)
  subscribe('knex-flatten:reader-wait', listen)
  await requestScope(
    db,
    async () => {
      const pids = [await pidOf(db), await pidOf(db), await db.transaction((trx) => pidOf(trx))]
      expect(new Set(pids).size).toBe(1)
      expect(inUse(db)).toBe(1)
    },
    { token: `1.${Date.now().toString(36)}.` },
  )
  unsubscribe('knex-flatten:reader-wait', listen)
  expect(waits).toHaveLength(1)
})

describe('a token', () => {
  it.each(['same-session', 'global'] as const)('is honoured in every session (policy %s)', async (policy) => {
    for (const [db, other] of [
      [flat(), flat()],
      [plain(), plain()],
    ] as const) {
      const id = ++lastId
      const token = await requestScope(db, async () => {
        await db('orders').insert({ id })
        return causalityToken(db)!
      })
      const read = () => Promise.all(Array.from({ length: 5 }, async () => other('orders').where({ id })))
      expect((await requestScope(other, read, { token, policy })).map((rows) => rows.length)).toEqual([
        1, 1, 1, 1, 1,
      ])
    }
  })
})

it('does nothing while a test runs', async () => {
  const db = closing(flatten(connect(server.primaryUrl, 1)))
  await inTestTransaction(db, () =>
    requestScope(db, async () => {
      await db('orders').insert({ id: 1_000_000 })
      expect(await db('orders').where({ id: 1_000_000 })).toHaveLength(1)
    }),
  )
})

describe('a scope that cannot be', () => {
  it.each<[string, unknown, RegExp]>([
    ['policy', { policy: 'sometimes' }, /policy must be "same-session", "global", "writer"/],
    ['token', { token: 7 }, /token must be a string/],
    ['timeoutMs', { timeoutMs: 0 }, /timeoutMs must be a positive number/],
    ['secret', { secret: 'short' }, /secret must be a key of at least 16 characters/],
    ['maxAgeMs', { maxAgeMs: -1 }, /maxAgeMs must be a positive number/],
    ['an unknown option', { polcy: 'global' }, /there is no option "polcy"/],
    ['no options', null, /options must be an object/],
  ])('is refused: %s', async (_what, options, words) => {
    const error = await rejection(requestScope(flat(), () => undefined, options as RequestScopeOptions))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(words)
  })

  it('is refused inside one with another policy', async () => {
    const db = flat()
    const error = await rejection(
      requestScope(db, () => requestScope(db, () => undefined, { policy: 'global' })),
    )
    expect(error.message).toContain("inside a scope that has 'same-session'")
  })

  it('is refused on what is no flattened instance', async () => {
    const db = closing(connect(server.primaryUrl, 1))
    expect(await rejection(requestScope(db, () => undefined))).toBeInstanceOf(TransactionOptionsError)
    const observed = closing(flatten(connect(server.primaryUrl, 1), { nested: 'observe' }))
    expect((await rejection(requestScope(observed, () => undefined))).message).toContain('only observed')
  })
})

it('lets what needs the writer say so where there is none', async () => {
  const db = closing(route({ reader: connect(server.readerUrl, 2), writes: 'forward' }))
  await requestScope(db, async () => {
    await db('orders').insert({ id: ++lastId })
    expect(await rejection(onWriter(db('orders')))).toBeInstanceOf(NoWriterError)
  })
  expect(inUse(db)).toBe(0)
})
