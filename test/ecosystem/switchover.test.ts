import { type ForwardingReader, startForwardingReader } from '@knex-flatten/emulator'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import createKnex, { type Knex } from 'knex'
import {
  type EventMessages,
  FlattenError,
  NoWriterError,
  TransactionOptionsError,
  UnexpectedRollbackError,
} from 'knex-flatten'
import { onWriter, route, type RouteOptions } from 'knex-flatten/routing'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { rejection } from '../../packages/knex-flatten/test/items.ts'
import { placeOf } from '../../packages/knex-flatten/test/routing/routes.ts'
import { type Way, wayTo } from '../setup/way.ts'

/** A primary and a standby of a test's own: which is which changes. */
let pair: ForwardingReader
const instances: Knex[] = []
const ways: Way[] = []
afterEach(async () => {
  // A pool waits for the connections that it was about to open.
  await Promise.all(ways.splice(0).map((way) => way.cut()))
  await Promise.all(instances.splice(0).map((db) => db.destroy()))
})

const usePair = () => {
  beforeAll(async () => {
    pair = await startForwardingReader()
    await on(pair.primaryUrl, 'create database plain')
    await on(plain(pair.primaryUrl), AS_ANY_OTHER)
    for (const url of [pair.primaryUrl, plain(pair.primaryUrl)])
      await on(url, 'create table item (id int primary key)')
    await pair.lag.caughtUp()
  })
  afterAll(() => pair.stop())
}

async function promote(): Promise<void> {
  expect(await on(pair.standbyUrl, 'select pg_promote() as done')).toEqual([{ done: true }])
}

/** A database that shows nothing of Aurora: its standby forwards nothing, and says so. */
function plain(url: string): string {
  const database = new URL(url)
  database.pathname = '/plain'
  return database.href
}
const AS_ANY_OTHER = `
  set allow_system_table_mods = on;
  create or replace view pg_catalog.pg_settings as select * from pg_show_all_settings() a;
  drop function pg_catalog.aurora_version();`

async function on(url: string, sql: string): Promise<any[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const at = (url: string, config: Knex.Config = {}) =>
  createKnex({ client: 'pg', connection: url, log: { warn: () => undefined }, ...config })

function routed(options: RouteOptions): Knex {
  const db = route(options)
  instances.push(db)
  return db
}

async function way(url: string): Promise<Way> {
  const opened = await wayTo(url)
  ways.push(opened)
  return opened
}

/** Of those that a switchover may cause: the server, the driver or this library says what has happened. */
function isKnown(error: unknown): boolean {
  const { code = '', message } = error as { code?: string; message: string }
  return (
    error instanceof FlattenError ||
    /^(?:25006|57P0[123]|ECONNREFUSED|ECONNRESET|EPIPE)$/.test(code) ||
    /Connection terminated|is not queryable$/.test(message)
  )
}

const ids = async (url: string) => (await on(url, 'select id from item order by id')).map(({ id }) => id)
const portOf = async (db: Knex | Knex.Raw) =>
  String((await ('raw' in db ? db.raw(PORT) : db)).rows[0].inet_server_port)
const PORT = 'select inet_server_port()'

describe('a switchover', () => {
  usePair()

  it.each(['writer', 'auto'] as const)(
    "leaves the writer's place to the reader that was promoted, and gives it back (writes: %s)",
    async (writes) => {
      const [primaryUrl, standbyUrl] = [plain(pair.primaryUrl), plain(pair.standbyUrl)]
      const base = writes === 'writer' ? 0 : 10
      const [first, second] = [new URL(primaryUrl).port, new URL(standbyUrl).port]
      const db = routed({ reader: at(standbyUrl), writer: at(primaryUrl), writes })
      expect(await portOf(db)).toBe(second)
      await db('item').insert({ id: base + 1 })
      await pair.faults.switchover()

      await db('item').insert({ id: base + 2 })
      await db.transaction(async (trx) => {
        expect(await placeOf(trx)).toBe('writer')
        expect(await portOf(trx)).toBe(second)
        await trx('item').insert({ id: base + 3 })
      })
      expect(await portOf(onWriter(db.raw(PORT)))).toBe(second)
      expect(await ids(standbyUrl)).toEqual(expect.arrayContaining([base + 1, base + 2, base + 3]))

      await pair.faults.switchover()
      await db('item').insert({ id: base + 4 })
      expect(await portOf(onWriter(db.raw(PORT)))).toBe(first)
      expect(await placeOf(db)).toBe('reader')
      expect(await ids(primaryUrl)).toEqual(expect.arrayContaining([base + 2, base + 3, base + 4]))
    },
  )

  it('loses nothing that was acknowledged, and says why where it fails', async () => {
    const [primaryUrl, standbyUrl] = [plain(pair.primaryUrl), plain(pair.standbyUrl)]
    const db = routed({ reader: at(standbyUrl), writer: at(primaryUrl), writes: 'auto' })
    let over = false
    const isOver = () => over
    const acknowledged: number[] = []
    const failures = new Set<unknown>()
    const work = async (worker: number): Promise<void> => {
      for (let id = 1_000 + worker; !isOver(); id += 8) {
        try {
          if (id % 2) await db('item').insert({ id })
          else await db.transaction((trx) => trx('item').insert({ id }))
          acknowledged.push(id)
        } catch (error) {
          failures.add(error)
        }
      }
    }
    const workers = Array.from({ length: 8 }, (_each, worker) => work(worker))
    await expect.poll(() => acknowledged.length).toBeGreaterThan(20)
    await pair.faults.switchover()
    const before = acknowledged.length
    await expect.poll(() => acknowledged.length).toBeGreaterThan(before + 20)
    over = true
    await Promise.all(workers)
    for (const error of failures) expect(isKnown(error), String(error)).toBe(true)
    const stored = new Set(await ids(standbyUrl))
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
    await pair.faults.switchover()
  })

  it('lets a reader that forwards go on, and refuses what needs the writer while a reader is in its place', async () => {
    const { primaryUrl, readerUrl } = pair
    const db = routed({ reader: at(readerUrl), writer: at(primaryUrl) })
    await onWriter(db.raw('select 1'))
    await pair.faults.switchover()
    await db('item').insert({ id: 21 })
    for (const needs of [
      () => onWriter(db.raw('select 1')),
      () => db.raw('truncate item'),
      () => db.schema.dropTable('item'),
      () => db.transaction(async (trx) => trx('item').delete(), { target: 'writer' }),
    ]) {
      const error = await rejection(needs())
      expect(error).toBeInstanceOf(NoWriterError)
      expect(error.message).toContain(`the server at 127.0.0.1:${new URL(primaryUrl).port}`)
      expect(error.message).toContain('is in recovery')
    }
    await pair.faults.switchover()
    await onWriter(db.raw('select 1'))
    expect(await ids(primaryUrl)).toContain(21)
  })

  it('is survived by what is to be run again', async () => {
    const { primaryUrl, readerUrl } = pair
    const db = routed({ reader: at(readerUrl), writer: at(primaryUrl) })
    await pair.faults.switchover()
    const reasons: unknown[] = []
    const note = (message: unknown) => reasons.push((message as EventMessages['knex-flatten:retry']).error)
    subscribe('knex-flatten:retry', note)
    try {
      const stored = db.transaction((trx) => trx('item').insert({ id: 41 }), {
        target: 'writer',
        retry: { attempts: 10_000, minDelayMs: 20, maxDelayMs: 20 },
      })
      await expect.poll(() => reasons.length).toBeGreaterThan(0)
      await pair.faults.switchover()
      await stored
    } finally {
      unsubscribe('knex-flatten:retry', note)
    }
    expect(reasons[0]).toBeInstanceOf(NoWriterError)
    expect(await ids(primaryUrl)).toContain(41)
  })

  it('leaves the one pool there is to reads, until its server is the writer again', async () => {
    const primaryUrl = plain(pair.primaryUrl)
    const db = routed({ writer: at(primaryUrl) })
    await db('item').insert({ id: 31 })
    await pair.faults.switchover()
    expect(await placeOf(db)).toBe('reader')
    expect(await rejection(db('item').insert({ id: 32 }))).toBeInstanceOf(NoWriterError)
    expect(await rejection(onWriter(db.raw('select 1')))).toBeInstanceOf(NoWriterError)
    await pair.faults.switchover()
    await onWriter(db('item').insert({ id: 33 }))
    expect(await ids(primaryUrl)).toEqual(expect.arrayContaining([31, 33]))
  })
})

describe('a writer that is lost in mid-transaction', () => {
  usePair()

  it.each([
    ['its own session', 'writer', 'restarts', () => pair.faults.restartWriter()],
    ['its own session', 'writer', 'crashes', () => pair.faults.crashWriter()],
    ['a reader that forwards', 'forward', 'restarts', () => pair.faults.restartWriter()],
    ['a reader that forwards', 'forward', 'crashes', () => pair.faults.crashWriter()],
    ['a reader that forwards', 'forward', 'ends it', () => pair.faults.killForwardedSessions()],
  ] as const)(
    'through %s (writes: %s), because it %s, is told, and leaves nothing half done',
    async (_way, writes, _why, fail) => {
      await on(pair.primaryUrl, 'delete from item')
      const small = { pool: { min: 0, max: 2 } }
      const reader = at(writes === 'writer' ? pair.standbyUrl : pair.readerUrl, small)
      const writer = at(pair.primaryUrl, small)
      const db = routed({ reader, writer, writes })
      await db('item').insert({ id: 1 })
      const swallowed: unknown[] = []
      const error = await rejection(
        db.transaction(async (trx) => {
          await trx('item').insert({ id: 2 })
          await fail()
          await trx('item')
            .insert({ id: 3 })
            .catch((caught: unknown) => swallowed.push(caught))
        }),
      )
      expect(error).toBeInstanceOf(UnexpectedRollbackError)
      expect(swallowed).toContain(error.cause)
      await db.transaction(async (trx) => {
        await trx('item').insert({ id: 4 })
        await trx.transaction((inner) => inner('item').insert({ id: 5 }))
      })
      await Promise.all([6, 7, 8, 9].map((id) => db('item').insert({ id })))
      expect(await ids(pair.primaryUrl)).toEqual([1, 4, 5, 6, 7, 8, 9])
      for (const { client } of [reader, writer]) expect(client.pool.numUsed()).toBe(0)
    },
  )

  it('is run again as a whole where that was asked for', async () => {
    await on(pair.primaryUrl, 'delete from item')
    const db = routed({ reader: at(pair.standbyUrl), writer: at(pair.primaryUrl), writes: 'writer' })
    let runs = 0
    await db.transaction(
      async (trx) => {
        await trx('item').insert({ id: 1 })
        if (++runs === 1) await pair.faults.restartWriter()
        await trx('item').insert({ id: 2 })
      },
      { retry: { minDelayMs: 1 } },
    )
    expect(runs).toBe(2)
    expect(await ids(pair.primaryUrl)).toEqual([1, 2])
  })
})

describe.each([
  ['cannot be reached', (writer: Way) => writer.cut()],
  ['answers nobody', (writer: Way) => writer.freeze()],
])('a reader that is promoted while the writer %s', (_how, fail) => {
  usePair()

  it('takes its place', async () => {
    const writer = await way(pair.primaryUrl)
    const config = { acquireConnectionTimeout: 1_000 }
    let warned = 0
    const log = {
      warn: () => {
        warned++
      },
    }
    const db = routed({
      reader: at(pair.standbyUrl, config),
      writer: at(writer.url, { ...config, log }),
      writes: 'writer',
    })
    await db('item').insert({ id: 1 })
    expect(await placeOf(db)).toBe('reader')
    await expect.poll(() => ids(pair.standbyUrl)).toEqual([1])
    await fail(writer)
    expect(await rejection(db('item').insert({ id: 2 }))).not.toBeInstanceOf(FlattenError)

    await promote()
    await expect
      .poll(async () =>
        db('item')
          .insert({ id: 3 })
          .then(() => 'stored', String),
      )
      .toBe('stored')
    expect(await ids(pair.standbyUrl)).toEqual([1, 3])
    expect(await placeOf(db)).toBe('writer')
    const before = warned
    await db('item').insert({ id: 4 })
    expect(warned).toBe(before)
  })
})

describe('a reader that was promoted', () => {
  usePair()
  beforeAll(promote)

  it('is refused beside the writer that is still there, for reads as for writes', async () => {
    for (const writes of ['forward', 'auto', 'writer'] as const) {
      const db = routed({ reader: at(pair.standbyUrl), writer: at(pair.primaryUrl), writes })
      for (const refused of [
        () => db('item').select(),
        () => db.raw('select note from item for update'),
        () => db('item').insert({ id: 900 }),
        () => db.transaction((trx) => trx('item').insert({ id: 900 })),
      ].slice(0, writes === 'writer' ? 1 : 4)) {
        const error = await rejection(refused())
        expect(error).toBeInstanceOf(TransactionOptionsError)
        expect(error.message).toContain('there are two writers')
        for (const url of [pair.primaryUrl, pair.standbyUrl])
          expect(error.message).toContain(new URL(url).host)
      }
      // One of them may be written to, and it stays that one.
      await onWriter(db('item').where({ id: 900 }))
    }
    expect([...(await ids(pair.primaryUrl)), ...(await ids(pair.standbyUrl))]).not.toContain(900)
  })

  it('is refused beside another reader that was, where nobody has named the writer', async () => {
    const db = routed({ readers: [at(pair.primaryUrl), at(pair.standbyUrl)], writes: 'forward' })
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => placeOf(db)))
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ])
  })

  it('is believed to be what it is called where nobody is to check', async () => {
    const options = { reader: at(pair.standbyUrl), writer: at(pair.primaryUrl), checkServers: false }
    expect(await placeOf(routed(options))).toBe('writer')
  })
})
