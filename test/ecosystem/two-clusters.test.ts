import { type ForwardingReader, startForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import { TransactionOptionsError } from 'knex-flatten'
import { onWriter, route, type RouteOptions } from 'knex-flatten/routing'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { rejection } from '../../packages/knex-flatten/test/items.ts'
import { placeOf } from '../../packages/knex-flatten/test/routing/routes.ts'
import { useDatabase } from '../setup/database.ts'

/** Nothing says there that it is Aurora. */
const AS_ANY_OTHER = `set allow_system_table_mods = on; drop function pg_catalog.aurora_version()`

describe('pools that lead to servers which have nothing to do with each other', () => {
  const database = useDatabase((primary) => primary.query(AS_ANY_OTHER))
  let other: ForwardingReader
  /** The same database by name, on the other pair. */
  const there = (url: string) => {
    const target = new URL(url)
    target.pathname = new URL(database.primaryUrl).pathname
    return target.href
  }
  const instances: Knex[] = []
  const at = (url: string) => createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 3 } })
  const routed = (options: RouteOptions) => {
    const db = route(options)
    instances.push(db)
    return db
  }

  beforeAll(async () => {
    other = await startForwardingReader()
    await on(other.primaryUrl, `create database ${new URL(database.primaryUrl).pathname.slice(1)}`)
    await on(there(other.primaryUrl), AS_ANY_OTHER)
    await other.lag.caughtUp()
  })
  afterEach(() => Promise.all(instances.splice(0).map((db) => db.destroy())))
  afterAll(() => other.stop())

  it.each([
    ['a standby of another cluster', () => there(other.standbyUrl)],
    ['a reader that forwards to another cluster', () => there(other.readerUrl)],
  ])('are refused: %s', async (_what, url) => {
    const db = routed({ reader: at(url()), writer: at(database.primaryUrl) })
    await onWriter(db.raw('select 1'))
    for (let round = 0; round < 2; round++) {
      const error = await rejection(db.raw('select 1'))
      expect(error).toBeInstanceOf(TransactionOptionsError)
      expect(error.message).toMatch(/do not have the same data: their clusters have different identifiers/)
      for (const one of [url(), database.primaryUrl]) expect(error.message).toContain(new URL(one).host)
    }
    await onWriter(db.raw('select 1'))
  })

  it('are refused on the writer where the reader was used first', async () => {
    const db = routed({ reader: at(there(other.standbyUrl)), writer: at(database.primaryUrl) })
    expect(await placeOf(db)).toBe('reader')
    const error = await rejection(db.schema.createTable('never', (table) => void table.integer('id')))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(await database.rows("select to_regclass('never') as made")).toEqual([{ made: null }])
  })

  it('are refused also as two readers', async () => {
    const db = routed({ readers: [at(there(other.standbyUrl)), at(database.standbyUrl)] })
    const outcomes = await Promise.allSettled([placeOf(db), placeOf(db)])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  it('are refused as two writers', async () => {
    const db = routed({ reader: at(there(other.primaryUrl)), writer: at(database.primaryUrl) })
    const error = await rejection(db('pg_class').update({ relname: 'never' }))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toContain('there are two writers')
  })

  it('are taken as they are where nobody is to check', async () => {
    const readers = { reader: at(there(other.standbyUrl)), writer: at(database.primaryUrl) }
    const db = routed({ ...readers, checkServers: false })
    await onWriter(db.raw('select 1'))
    expect(await placeOf(db)).toBe('reader')
  })

  it('are taken as they are where the servers do not say, as on Aurora, or where one may not ask', async () => {
    const aurora = (url: string) => Object.assign(new URL(url), { pathname: '/postgres' }).href
    const db = routed({ reader: at(aurora(other.readerUrl)), writer: at(aurora(database.primaryUrl)) })
    await onWriter(db.raw('select 1'))
    expect(await placeOf(db)).toBe('reader')

    const deny = 'revoke execute on function pg_control_system() from public'
    const role = `create role asker login; ${deny}`
    await on(database.primaryUrl, role)
    try {
      const asker = (url: string) => Object.assign(new URL(url), { username: 'asker' }).href
      const denied = routed({ reader: at(there(other.standbyUrl)), writer: at(asker(database.primaryUrl)) })
      await onWriter(denied.raw('select 1'))
      expect(await placeOf(denied)).toBe('reader')
    } finally {
      await on(
        database.primaryUrl,
        'grant execute on function pg_control_system() to public; drop role asker',
      )
    }
  })
})

describe('pools that lead to two databases of one cluster', () => {
  const database = useDatabase(() => Promise.resolve())
  it('are refused, on Aurora as anywhere', async () => {
    const url = new URL(database.readerUrl)
    url.pathname = '/postgres'
    const db = route({
      reader: database.connect({ url: url.href }).db,
      writer: database.connect().db,
    })
    expect(await placeOf(db)).toBe('reader')
    const error = await rejection(onWriter(db.raw('select 1')))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toContain(
      `one leads to the database ${new URL(database.primaryUrl).pathname.slice(1)}`,
    )
    expect(error.message).toContain('the other to postgres')
  })
})

describe('one server under two URLs', () => {
  const database = useDatabase(() => Promise.resolve())
  const again = (url: string) => url.replace('127.0.0.1', 'localhost')

  it('is the reader and the writer of the Region that the writer is in', async () => {
    const reader = database.connect({ url: again(database.primaryUrl) }).db
    const writer = database.connect().db
    const db = route({ reader, writer })
    await db.schema.createTable('made', (table) => void table.integer('id'))
    await db.transaction((trx) => trx('made').insert({ id: 1 }))
    await onWriter(db('made').insert({ id: 2 }))
    expect(await db('made').pluck('id')).toEqual([1, 2])
  })

  it('is two readers', async () => {
    const readers = [database.standbyUrl, again(database.standbyUrl)].map(
      (url) => database.connect({ url }).db,
    )
    const db = route({ readers, writer: database.connect().db })
    for (let round = 0; round < 4; round++) expect(await placeOf(db)).toBe('reader')
  })

  it('is two readers that were promoted', async () => {
    const readers = [database.primaryUrl, again(database.primaryUrl)].map(
      (url) => database.connect({ url }).db,
    )
    const db = route({ readers })
    for (let round = 0; round < 4; round++) expect(await placeOf(db)).toBe('writer')
  })
})

async function on(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(sql)
  await client.end()
}
