import { once } from 'node:events'
import { type RuleId, supportTable } from '@knex-flatten/sql-support'
import type { Knex } from 'knex'
import { flatten, UnsupportedStatementError } from 'knex-flatten'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../../test/setup/database.ts'
import { connectFlat, rejection } from './items.ts'

/** What is refused although it changes no row, in all its spellings. */
const texts: readonly (readonly [RuleId, string])[] = [
  ['copy', 'copy items to stdout'],
  ['copy', 'copy items from stdin'],
  ['copy', 'copy (select 1) to stdout with (format binary)'],
  ['listen-notify', 'listen news'],
  ['listen-notify', 'notify news'],
  ['listen-notify', "notify news, 'x'"],
  ['listen-notify', "select pg_notify('news', 'x')"],
  ['two-phase', "prepare transaction 'one'"],
  ['two-phase', "commit prepared 'one'"],
  ['two-phase', "rollback prepared 'one'"],
  ['serializable', 'begin isolation level serializable'],
  ['serializable', 'begin transaction read only, isolation level serializable, deferrable'],
  ['serializable', 'start transaction isolation level serializable'],
  ['serializable', 'set transaction isolation level serializable'],
  ['serializable', "set transaction_isolation = 'serializable'"],
  ['serializable', 'set local transaction_isolation to serializable'],
  ['serializable', 'set session characteristics as transaction isolation level serializable'],
  ['serializable', 'set default_transaction_isolation = serializable'],
  ['serializable', "set session default_transaction_isolation to 'SERIALIZABLE'"],
  ['serializable', "select set_config('default_transaction_isolation', 'serializable', false)"],
  ['set-constraints', 'set constraints all deferred'],
  ['set-constraints', 'set constraints all immediate'],
  ['set-constraints', 'set constraints orders_item_fkey deferred'],
  ['cursor', 'declare c cursor for select 1'],
  ['cursor', 'declare c no scroll cursor with hold for select 1'],
  ['cursor', 'fetch all from c'],
  ['cursor', 'move 1 from c'],
  ['cursor', 'close c'],
  ['cursor', 'close all'],
]

/** A session's default is a setting like any other: what it makes of BEGIN is refused, not the SET. */
const isDefault = (sql: string) => /default_transaction_isolation|session characteristics/.test(sql)

const onItsWay: readonly (readonly [string, (db: Knex, sql: string) => PromiseLike<unknown>])[] = [
  ['raw', (db, sql) => db.raw(sql)],
  ['the schema builder', (db, sql) => db.schema.raw(sql)],
  [
    'a stream',
    (db, sql) => once(db.raw(sql).stream(), 'error').then(([error]) => Promise.reject(error as Error)),
  ],
  ['a stream with a handler', withHandler],
  ['a transaction', (db, sql) => db.transaction((trx) => trx.raw(sql))],
  ['a scope', (db, sql) => db.transaction((trx) => trx.transaction((scope) => scope.raw(sql)))],
  ['a transaction by hand', byHand],
  ['a batch behind a read', (db, sql) => db.raw(`select 1; ${sql}`)],
  ['a batch before a read', (db, sql) => db.raw(`${sql}; select 1`)],
  ['a prepared statement of the driver', (db, sql) => db.raw(`/* named */ ${sql}`)],
  ['a connection that was asked for', onConnection],
]

const database = useDatabase((primary) =>
  primary.query(`
    create table items (id int primary key, note text);
    create table orders (item int references items deferrable);
  `),
)
/** One instance for all: each has connections until the file ends. */
const instance: { db?: Knex } = {}
const onReader = () =>
  (instance.db ??= connectFlat(database, { url: database.readerUrl, config: { pool: { max: 2 } } }).db)

describe.each(onItsWay)('by %s', (_how, send) => {
  it.each(texts)('%s is refused before it is sent: %s', async (rule, sql) => {
    const db = onReader()
    const sent: string[] = []
    const note = ({ sql: text }: { sql: string }): void => void sent.push(text)
    db.on('query', note)
    const error = await rejection(send(db, sql)).finally(() => db.removeListener('query', note))
    expect(error).toBeInstanceOf(UnsupportedStatementError)
    expect(error).toMatchObject({ rule, instead: supportTable[rule].instead })
    expect(error.cause).toBeUndefined()
    expect(sent.filter((text) => text.includes(sql))).toEqual([])
  })
})

it.each(texts)('the reader itself says the same: %s: %s', async (rule, sql) => {
  const client = new pg.Client(database.readerUrl)
  await client.connect()
  const isOpening = /^(begin|start)\b/.test(sql)
  // What belongs into a transaction is asked in one, what may stand in none outside.
  if (!isOpening && !sql.includes('prepared')) await client.query('begin')
  const answer = client.query(sql).then(
    () => 'taken',
    (error: unknown) => (error as { code: string }).code,
  )
  const expected = isDefault(sql) ? 'taken' : expect.stringMatching(supportTable[rule].sqlstate)
  expect(await answer).toEqual(expected)
  if (isDefault(sql)) {
    await client.query('commit')
    expect(await rejection(client.query('begin; select 1'))).toMatchObject({
      code: supportTable[rule].sqlstate,
    })
  }
  await client.end()
})

it.each(['unlisten news', 'unlisten *', "set default_transaction_isolation = 'repeatable read'"])(
  'guard and reader take what does no harm: %s',
  async (sql) => {
    await expect(onReader().raw(sql)).resolves.toBeDefined()
  },
)

describe('what is sent past Knex the guard cannot see', () => {
  it('and the reader refuses it', async () => {
    const db = onReader()
    const connection = await db.client.acquireConnection()
    expect(await rejection(connection.query('copy items to stdout'))).toMatchObject({ code: '0A000' })
    expect(await rejection(connection.query('listen news'))).toMatchObject({ code: '25006' })
    await db.client.releaseConnection(connection)
  })

  it('a COPY as pg-copy-streams sends it among it, and the reader refuses that too', async () => {
    const db = onReader()
    const connection = await db.client.acquireConnection()
    const error = await new Promise((resolve, reject) => {
      connection.query({
        submit: (wire: { query: (sql: string) => void }) => wire.query('copy items to stdout'),
        handleError: resolve,
        handleReadyForQuery: () => reject(new Error('it was taken')),
      })
    })
    expect(error).toMatchObject({ code: '0A000' })
    await db.client.releaseConnection(connection)
  })
})

it('on a writer nothing of this is refused', async () => {
  const { db } = database.connect()
  flatten(db)
  for (const [, sql] of texts) {
    expect(await db.transaction((trx) => trx.raw(sql)).catch((error: unknown) => error)).not.toBeInstanceOf(
      UnsupportedStatementError,
    )
  }
})

function withHandler(db: Knex, sql: string): Promise<never> {
  return new Promise((_resolve, reject) => {
    void db.raw(sql).stream((rows) => rows.on('error', reject))
  })
}

async function byHand(db: Knex, sql: string): Promise<unknown> {
  const trx = await db.transaction()
  try {
    return await trx.raw(sql)
  } finally {
    await trx.rollback()
  }
}

async function onConnection(db: Knex, sql: string): Promise<unknown> {
  const connection = await db.client.acquireConnection()
  try {
    return await db.raw(sql).connection(connection)
  } finally {
    await db.client.releaseConnection(connection)
  }
}
