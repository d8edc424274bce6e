import createKnex from 'knex'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { flatten, TransactionOptionsError } from 'knex-flatten'
import { connectFlat, rejection, useItems } from './items.ts'

describe('flatten()', () => {
  const database = useItems()

  it('returns the same instance, of the same type', () => {
    const knex = createKnex<{ id: number }>({ client: 'pg' })
    const db = flatten(knex)
    expect(db).toBe(knex)
    expectTypeOf(db).toEqualTypeOf(knex)
  })

  it('may wrap twice', async () => {
    const { db, received } = connectFlat(database)
    expect(flatten(db)).toBe(db)
    expect(flatten(db, { doomOn: 'scope' })).toBe(db)
    await db.transaction((trx) => trx.transaction(async (inner) => inner.raw('select 1')))
    expect(await received()).toEqual(['BEGIN;', 'select 1', 'COMMIT;'])
  })

  it('refuses to wrap twice with other options, since one of the two would go unheard', () => {
    const db = flatten(createKnex({ client: 'pg' }))
    expect(() => flatten(db, { doomOn: () => true })).toThrow(
      /wrapped already, with another doomOn\. Wrap it once/,
    )
    expect(() => flatten(db, { nested: 'throw' })).toThrow(/wrapped already, with another nested\./)
  })

  it('refuses a transaction', async () => {
    const { db } = connectFlat(database)
    await db.transaction(async (trx) => {
      expect(() => flatten(trx)).toThrow(/this is a transaction\. Wrap the Knex instance once/)
    })
  })

  it.each([
    ['sqlite3', 'sqlite3'],
    ['better-sqlite3', 'sqlite3'],
    ['mysql2', 'mysql'],
    ['mssql', 'mssql'],
    ['redshift', 'redshift'],
    ['cockroachdb', 'cockroachdb'],
    ['pgnative', 'pgnative'],
  ])('refuses %s by name', (client, dialect) => {
    const wrap = () => flatten(createKnex({ client, useNullAsDefault: true }))
    expect(wrap).toThrow(TransactionOptionsError)
    expect(wrap).toThrow(`this instance speaks ${dialect}. Only PostgreSQL is supported`)
  })

  it.each([
    [undefined, /not a Knex instance/],
    [{}, /not a Knex instance/],
    [createKnex, /not a Knex instance/],
  ])('refuses %s', (what, message) => {
    expect(() => flatten(what as any)).toThrow(message)
  })

  it.each([
    [
      'an unknown option',
      { doomon: 'scope' },
      /there is no option "doomon"\. Known options: nested, doomOn, ambient, lazyBegin, callSites, consistency, crossings, guard, onUnsupported, profile\./,
    ],
    [
      'a wrong value',
      { doomOn: 'always' },
      /doomOn must be 'scope' or a function of the error, not "always"/,
    ],
    ['options that are none', 'scope', /options must be an object, not "scope"/],
    ['options that are null', null, /options must be an object, not null/],
    [
      'an unknown nested',
      { nested: 'join' },
      /nested must be "flatten", "throw", "escalate", "observe", not "join"/,
    ],
    [
      'a writer for what is refused where there is none',
      { onUnsupported: 'writer' },
      /onUnsupported 'writer' needs an instance that has a writer.*route\(\{ reader, writer, onUnsupported: 'writer' \}\)/,
    ],
    ['a lazyBegin that is none', { lazyBegin: 1 }, /lazyBegin must be true or false, not 1/],
    ['an unknown ambient', { ambient: { foreignConnection: 'allow' } }, /ambient must be true, false or/],
    ['more in ambient', { ambient: { foreignConnection: 'join', and: 1 } }, /ambient must be true, false or/],
  ])('refuses %s', (_what, options, message) => {
    expect(() => flatten(createKnex({ client: 'pg' }), options as any)).toThrow(message)
  })

  it.each([
    [{ durable: 'yes' }, /durable must be true or false, not "yes"/],
    [{ name: 7 }, /name must be a text, not 7/],
    [{ name: ' ' }, /name must be a text, not " "/],
  ])('rejects a transaction opened with %j before anything is sent', async (config, message) => {
    const { db, received } = connectFlat(database)
    const error = await rejection(db.transaction(async () => undefined, config as any))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(message)
    expect(await received()).toEqual([])
  })
})
