import { once } from 'node:events'
import type { Knex } from 'knex'
import { flatten, RollbackOnlyError, UnexpectedRollbackError, UnsupportedStatementError } from 'knex-flatten'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../../test/setup/database.ts'
import { connectFlat, rejection } from './items.ts'

const statements: readonly (readonly [rule: string, sql: string])[] = [
  ['savepoint', 'savepoint a'],
  ['savepoint', 'rollback to savepoint a'],
  ['cursor', 'declare c cursor for select 1'],
  ['cursor', 'fetch 1 from c'],
  ['lock-table', 'lock table items in share mode'],
  ['set-constraints', 'set constraints all deferred'],
  ['user-function', 'select total_of(?)'],
  ['ddl', 'create table more (id int)'],
  ['ddl', 'grant select on items to public'],
  ['truncate', 'truncate items'],
  ['copy', 'copy items to stdout'],
  ['listen-notify', 'listen news'],
  ['listen-notify', "notify news, 'x'"],
  ['sequence', "select nextval('numbers')"],
  ['two-phase', "prepare transaction 'one'"],
  ['serializable', 'begin isolation level serializable'],
  ['select-into', 'select 1 as id into more'],
  ['maintenance', 'vacuum items'],
]

const allowed: readonly string[] = [
  'select 1',
  'select id from items where id = 1 for update',
  'insert into items (id) values (2) returning id',
  'update items set note = null where id = 2',
  'delete from items where id = 2',
  'explain select 1',
  'show search_path',
]

const database = useDatabase((primary) =>
  primary.query(`
    create table items (id int primary key, note text);
    create sequence numbers;
    create function total_of(n int) returns int language sql as 'select $1';
  `),
)

describe('on a reader that forwards writes', () => {
  const reader = (options = {}) => connectFlat(database, { url: database.readerUrl }, options)

  it.each(statements)('%s is refused before it is sent: %s', async (rule, sql) => {
    const { db } = reader()
    const error = await rejection(db.raw(sql, sql.includes('?') ? [1] : []))
    expect(error).toBeInstanceOf(UnsupportedStatementError)
    expect(error).toMatchObject({ code: 'FLATTEN_UNSUPPORTED_STATEMENT', rule })
    expect(error.statement).toBe(sql)
    expect(error.instead).not.toBe('')
    expect(error.source).toMatch(/^https:\/\//)
    expect(error.message).toContain(error.instead)
    expect(error.message).toContain(error.source)
    expect(error.message).toContain(`(rule ${rule}, `)
  })

  it.each(allowed)('this runs: %s', async (sql) => {
    await expect(reader().db.raw(sql)).resolves.toBeDefined()
  })

  it('builders are judged as texts are', async () => {
    const { db } = reader()
    expect(await rejection(db('items').truncate())).toMatchObject({ rule: 'truncate' })
    expect(await rejection(db.schema.createTable('more', (table) => void table.increments()))).toMatchObject({
      rule: 'ddl',
    })
  })

  it('a transaction that is to be SERIALIZABLE is refused, its callback never runs, and its connection is used again', async () => {
    const { db } = connectFlat(database, { url: database.readerUrl, config: { pool: { max: 1 } } })
    const before = await pid(db)
    let ran = false
    const opening = db.transaction(
      async () => {
        ran = true
        return Promise.resolve()
      },
      { isolationLevel: 'serializable' },
    )
    expect(await rejection(opening)).toMatchObject({ rule: 'serializable' })
    expect(ran).toBe(false)
    expect(await pid(db)).toBe(before)
  })

  it('the same with a BEGIN that waits for the first statement', async () => {
    const { db } = reader({ lazyBegin: true })
    const opening = db.transaction(async (trx) => trx.raw('select 1'), { isolationLevel: 'serializable' })
    expect(await rejection(opening)).toMatchObject({ rule: 'serializable' })
  })

  it.each([false, true])('a refusal inside a transaction dooms it (lazyBegin %s)', async (lazyBegin) => {
    const { db } = reader({ lazyBegin })
    const id = lazyBegin ? 11 : 10
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx('items').insert({ id })
        await trx.raw('lock table items').catch(() => 'swallowed')
        expect(await rejection(trx('items').where({ id }))).toBeInstanceOf(RollbackOnlyError)
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toMatchObject({ rule: 'lock-table' })
    expect(await database.rows(`select from items where id = ${id}`)).toHaveLength(0)
  })

  it('a refused statement in a stream ends the stream', async () => {
    const { db } = reader()
    const stream = db.raw('select total_of(1)').stream()
    const [error] = await once(stream, 'error')
    expect(error).toMatchObject({ rule: 'user-function' })
  })

  it('streams are warned of, once for each text, and run', async () => {
    const warnings: string[] = []
    const { db } = warningTo(warnings)
    for (let round = 0; round < 2; round++) {
      const rows: unknown[] = []
      for await (const row of db.raw('select generate_series(1, 3) as n').stream()) rows.push(row)
      expect(rows).toHaveLength(3)
    }
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('.stream()')
    expect(warnings[0]).toContain('nobody has published')
  })

  it("with onUnsupported 'warn' the server decides, and the log says so once", async () => {
    const warnings: string[] = []
    const { db } = warningTo(warnings, { onUnsupported: 'warn' })
    for (let round = 0; round < 2; round++) {
      const error = await rejection(db.raw('lock table items'))
      expect(error.cause).toMatchObject({ code: '0A000' })
    }
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('was sent')
  })

  it("with guard 'off' nothing is judged", async () => {
    expect(await rejection(reader({ guard: 'off' }).db.raw('lock table items'))).not.toBeInstanceOf(
      UnsupportedStatementError,
    )
  })

  it("a profile of one's own decides", async () => {
    const verdicts = {
      'lock-table': { verdict: 'forward', known: 'measured' },
      'row-lock': { verdict: 'refuse', known: 'measured' },
    } as const
    const { db } = reader({ profile: { name: 'ours', extends: 'aws-local', verdicts } })
    expect(await rejection(db.raw('lock table items'))).not.toBeInstanceOf(UnsupportedStatementError)
    const error = await rejection(db.raw('select 1 from items for update'))
    expect(error).toMatchObject({ rule: 'row-lock' })
    expect(error.message).toContain('measured, by the profile "ours"')
  })

  function warningTo(warnings: string[], options = {}) {
    const log = { warn: (message: string) => void warnings.push(message) }
    return connectFlat(database, { url: database.readerUrl, config: { log } }, options)
  }
})

describe('on a writer', () => {
  it.each(statements)('%s is left to the server: %s', async (_rule, sql) => {
    const { db } = connectFlat(database)
    const outcome = await db
      .transaction(async (trx) => {
        await trx.raw(sql, sql.includes('?') ? [1] : [])
      })
      .catch((error: unknown) => error)
    expect(outcome).not.toBeInstanceOf(UnsupportedStatementError)
  })

  it.each(statements)("%s is refused with guard 'always', and not sent: %s", async (rule, sql) => {
    const { db, received } = connectFlat(database, {}, { guard: 'always' })
    await db.raw('select 1')
    await received()
    expect(await rejection(db.raw(sql, sql.includes('?') ? [1] : []))).toMatchObject({ rule })
    expect(await received()).toEqual([])
  })

  it.each([
    ['reader', 1],
    ['always', 0],
    ['off', 0],
  ] as const)(
    "with guard '%s' each server is asked %i times what it is, when it is connected to",
    async (guard, times) => {
      const { db, received } = database.connect({ config: { pool: { max: 1 } } })
      flatten(db, { guard })
      await db('items').insert({ id: 20 })
      await db.transaction(async (trx) => trx('items').where({ id: 20 }).del())
      await db.raw('select 1')
      expect((await received()).filter((sql) => sql.includes('pg_is_in_recovery'))).toHaveLength(times)
    },
  )
})

async function pid(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: { pid: number }[] }>('select pg_backend_pid() as pid')
  return rows[0]!.pid
}
