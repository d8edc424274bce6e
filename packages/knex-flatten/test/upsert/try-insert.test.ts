import type { Knex } from 'knex'
import { TransactionOptionsError, tryInsert, type TryInsertOptions } from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { connectFlat, rejection } from '../items.ts'
import { endpoints, useWallets } from './wallets.ts'

describe('tryInsert()', () => {
  const wallets = useWallets(`
    create table seats (flight int, seat text, passport text unique, note jsonb, primary key (flight, seat));
    create table lowered (email text primary key);
    create function lower_it() returns trigger language plpgsql as $$ begin new.email := lower(new.email); return new; end $$;
    create trigger lower_it before insert on lowered for each row execute function lower_it();`)
  beforeEach(() =>
    wallets.rows(`delete from seats; insert into seats values (1, 'A', 'P1'); delete from lowered`),
  )
  const key = ['flight', 'seat']
  const seat = (name: string, more: object = {}) => ({ flight: 1, seat: name, ...more })
  const seats = async () =>
    (await wallets.rows('select seat from seats order by seat')).map(({ seat: name }) => name as string)

  it.each<[string, TryInsertOptions]>([
    ['any unique index', {}],
    ['a key', { key }],
    ['a key and locks', { key, strategy: 'lock' }],
  ])('tells by %s which rows conflict, with what is there and among themselves', async (_what, options) => {
    for (const endpoint of endpoints) {
      await wallets.rows(`delete from seats where seat <> 'A'`)
      const rows = [seat('C', { note: { first: true } }), seat('A'), seat('B'), seat('C'), seat('D')]
      const { inserted, conflicts } = await tryInsert(wallets.open(endpoint), 'seats', rows, options)
      expect(inserted.map((row) => row.seat)).toEqual(['C', 'B', 'D'])
      expect(inserted[0]).toEqual({ ...rows[0], passport: null })
      expect(conflicts).toHaveLength(2)
      expect(conflicts[0]).toBe(rows[1])
      expect(conflicts[1]).toBe(rows[3])
    }
  })

  it('does not abort the transaction', async () => {
    const db = wallets.open('primary')
    await db.transaction(async (trx) => {
      expect(await tryInsert(trx, 'seats', seat('A'))).toEqual({ inserted: [], conflicts: [seat('A')] })
      await tryInsert(trx, 'seats', seat('B'))
    })
    expect(await seats()).toEqual(['A', 'B'])
  })

  it('puts any number of rows with a key into statements of 500', async () => {
    const { db, received } = connectFlat(wallets)
    await tryInsert(db, 'seats', seat('B'), { key })
    await received()
    const rows = Array.from({ length: 1001 }, (_, number) => seat(String(number % 1000)))
    const { inserted, conflicts } = await tryInsert(db, 'seats', rows, { key, returning: ['seat'] })
    expect(inserted).toEqual(rows.slice(0, 1000).map((row) => ({ seat: row.seat })))
    expect(conflicts).toEqual([seat('0')])
    expect((await received()).map((sql) => sql.slice(0, 6))).toEqual([
      'BEGIN ',
      'insert',
      'insert',
      'insert',
      'COMMIT',
    ])
  })

  it('tells another conflict than one of the key as the error it is, and stores nothing', async () => {
    const db = wallets.open('primary')
    const rows = [seat('B'), seat('C', { passport: 'P1' })]
    for (const options of [{ key }, { key, strategy: 'lock' as const }]) {
      expect(await rejection(tryInsert(db, 'seats', rows, options))).toMatchObject({ code: '23505' })
    }
    expect(await seats()).toEqual(['A'])
    expect((await tryInsert(db, 'seats', rows)).conflicts).toEqual([rows[1]])
  })

  it('stores nothing where a later row fails', async () => {
    const db = wallets.open('primary')
    const error = await rejection(tryInsert(db, 'seats', [seat('B'), { flight: 1, seat: null }]))
    expect(error).toMatchObject({ code: '23502' })
    expect(await seats()).toEqual(['A'])
  })

  it('takes rows with NULL in the key for different ones, as the index does', async () => {
    const db = wallets.open('primary')
    for (const strategy of ['on-conflict', 'lock'] as const) {
      const rows = [seat(`${strategy} 1`, { passport: null }), seat(`${strategy} 2`, { passport: null })]
      const { inserted } = await tryInsert(db, 'seats', rows, { key: ['passport'], strategy })
      expect(inserted).toHaveLength(2)
    }
  })

  it('is right where a trigger changes the key', async () => {
    const rows = [{ email: 'A' }, { email: 'b' }, { email: 'a' }, { email: 'B' }]
    const { inserted, conflicts } = await tryInsert(wallets.open('primary'), 'lowered', rows, {
      key: ['email'],
    })
    expect(inserted).toEqual([{ email: 'a' }, { email: 'b' }])
    expect(conflicts).toEqual([rows[2], rows[3]])
  })

  it('sends nothing for no rows', async () => {
    const { db, received } = connectFlat(wallets)
    expect(await tryInsert(db, 'seats', [])).toEqual({ inserted: [], conflicts: [] })
    expect(await received()).toEqual([])
  })

  it.each<[string, (db: Knex) => Promise<unknown>, RegExp]>([
    [
      'locks without a key',
      (db) => tryInsert(db, 'seats', seat('B'), { strategy: 'lock' }),
      /needs to know what to lock: say which columns by key/,
    ],
    [
      'an index without a key',
      (db) => tryInsert(db, 'seats', seat('B'), { index: 'x' }),
      /index x needs its columns as well/,
    ],
    [
      'a row without its key',
      (db) => tryInsert(db, 'seats', { flight: 1 }, { key }),
      /a row has no value for seat/,
    ],
    ['an empty row', (db) => tryInsert(db, 'seats', {}), /a row must have at least one column/],
    [
      'what is no row',
      (db) => tryInsert(db, 'seats', ['B'] as any),
      /a row must be an object of values by column, not "B"/,
    ],
    [
      'a key that is no list',
      (db) => tryInsert(db, 'seats', seat('B'), { key: 'seat' as any }),
      /key must be a list of column names, at least one, not "seat"/,
    ],
  ])('refuses %s before anything is sent', async (_what, call, message) => {
    const { db, received } = connectFlat(wallets)
    const error = await rejection(call(db))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(message)
    expect(await received()).toEqual([])
  })
})
