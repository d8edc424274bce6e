import type { Knex } from 'knex'
import { getOrCreate, TransactionOptionsError, tryInsert, updateOrCreate } from 'knex-flatten'
import { describe, expect, it } from 'vitest'
import { rejection } from '../items.ts'
import { sessionIsBlocked, strategies, useWallets } from './wallets.ts'

describe.each(strategies)('keys, with strategy %s', (strategy) => {
  const wallets = useWallets(
    `
    create table notes (
      id int primary key, title text, author text, lang text, deleted_at timestamptz, place int
    );
    create unique index one_alive on notes (title) where deleted_at is null and title <> '?';
    create unique index one_draft on notes (author) where lang = 'draft';
    create unique index one_final on notes (author) where lang = 'final';
    create table boxes (id int, size numeric, place int);
    create unique index no_second_null on boxes (size, place) nulls not distinct;
    create unique index lower_lang on notes (lower(lang));
    alter table notes add constraint later unique (deleted_at) deferrable;
    create table prices (price numeric primary key);
    create table cased (name text collate "und-x-ci" primary key);
    create view all_notes as select * from notes;
    create schema "Shop"; create table "Shop"."OddNames" ("the ""Key""" text primary key, "isIt" boolean default true);
    create table user_scores (user_id int, game_name text, high_score int, primary key (game_name, user_id));
  `.replace(
      'create table cased',
      `create collation "und-x-ci" (provider = icu, locale = 'und-u-ks-level2', deterministic = false); create table cased`,
    ),
  )
  const open = (config?: Partial<Knex.Config>) => wallets.open('primary', config)
  const twice = async <Result>(call: () => Promise<Result>) => [await call(), await call()]

  it('reads the predicate of a partial index from the catalog', async () => {
    const db = open()
    await db('notes').insert({ id: 1, title: 'a', deleted_at: new Date() })
    const ids = [2, 3].values()
    const results = await twice(() =>
      getOrCreate(db, 'notes', { title: 'a' }, { id: ids.next().value }, { strategy }),
    )
    expect(results).toMatchObject([
      { row: { id: 2 }, created: true },
      { row: { id: 2 }, created: false },
    ])
    const { row } = await updateOrCreate(db, 'notes', { title: 'a' }, { place: 1 }, { strategy })
    expect(row).toMatchObject({ id: 2, place: 1 })
  })

  it('wants to know which of several partial indexes is meant', async () => {
    const db = open()
    const error = await rejection(getOrCreate(db, 'notes', { author: 'a' }, {}, { strategy }))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toContain("one_draft where (lang = 'draft'::text); one_final where")
    await db('notes').insert({ id: 10, author: 'a', lang: 'draft' })
    const { row, created } = await getOrCreate(
      db,
      'notes',
      { author: 'a' },
      { id: 11, lang: 'final' },
      { strategy, index: 'one_final' },
    )
    expect([row.id, created]).toEqual([11, true])
  })

  it('takes NULL for a value where the index does', async () => {
    const db = open()
    const ids = [20, 21].values()
    const results = await twice(() =>
      getOrCreate(db, 'boxes', { size: 1, place: null }, { id: ids.next().value }, { strategy }),
    )
    expect(results).toMatchObject([{ row: { id: 20 } }, { row: { id: 20 }, created: false }])
  })

  it('refuses NULL where any number of rows may have it', async () => {
    const error = await rejection(getOrCreate(open(), 'notes', { title: null }, { id: 30 }, { strategy }))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(/title is null, and one_alive allows any number .* NULLS NOT DISTINCT/)
  })

  it('knows equal keys however they are written', async () => {
    const db = open()
    expect(await getOrCreate(db, 'prices', { price: '1.0' }, {}, { strategy })).toMatchObject({
      created: true,
    })
    expect(await getOrCreate(db, 'prices', { price: '1.00' }, {}, { strategy })).toMatchObject({
      created: false,
    })
    const { conflicts } = await tryInsert(db, 'prices', [{ price: 1 }, { price: '2.0' }, { price: '2.00' }], {
      strategy,
      key: ['price'],
    })
    expect(conflicts).toEqual([{ price: 1 }, { price: '2.00' }])
    expect(await getOrCreate(db, 'cased', { name: 'Ann' }, {}, { strategy })).toMatchObject({ created: true })
    expect(await getOrCreate(db, 'cased', { name: 'ANN' }, {}, { strategy })).toMatchObject({
      row: { name: 'Ann' },
      created: false,
    })
  })

  it.each([
    ['prices', 'price', '7.0', '7.00'],
    ['cased', 'name', 'Bob', 'BOB'],
  ])(
    'waits for who is creating an equal key of %s that is written otherwise',
    async (table, column, one, other) => {
      const db = open()
      const first = await db.transaction()
      await getOrCreate(first, table, { [column]: one }, {}, { strategy })
      const second = getOrCreate(db, table, { [column]: other }, {}, { strategy })
      await sessionIsBlocked(wallets)
      await first.commit()
      expect(await second).toEqual({ row: { [column]: one }, created: false })
    },
  )

  it('takes names with schemas, capitals and quotes', async () => {
    const db = open()
    const results = await twice(() =>
      getOrCreate(db, 'Shop.OddNames', { 'the "Key"': 'x' }, { isIt: false }, { strategy }),
    )
    expect(results).toEqual([
      { row: { 'the "Key"': 'x', isIt: false }, created: true },
      { row: { 'the "Key"': 'x', isIt: false }, created: false },
    ])
  })

  it("uses the application's own names", async () => {
    const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const camel = (row: object) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
          value,
        ]),
      )
    const db = open({
      wrapIdentifier: (name, wrap) => wrap(name === '*' ? name : snake(name)),
      postProcessResponse: (answer: unknown) =>
        Array.isArray(answer) ? answer.map(camel) : camel(answer as object),
    })
    const key = { userId: 1, gameName: 'go' }
    expect(await updateOrCreate(db, 'userScores', key, { highScore: 3 }, { strategy })).toEqual({
      row: { ...key, highScore: 3 },
      created: true,
    })
    expect(await getOrCreate(db, 'userScores', key, {}, { strategy, returning: ['highScore'] })).toEqual({
      row: { highScore: 3 },
      created: false,
    })
    const rows = [key, { userId: 2, gameName: 'go' }]
    const tried = await tryInsert(db, 'userScores', rows, { strategy, key: ['userId', 'gameName'] })
    expect(tried).toEqual({ inserted: [{ userId: 2, gameName: 'go', highScore: null }], conflicts: [key] })
  })

  it.each<[string, string, object, RegExp]>([
    [
      'no unique index',
      'wallets',
      { user_id: 1 },
      /no unique index is on exactly \(user_id\).*wallets_user_id_currency_key on \(user_id, currency\).*create unique index on wallets \(user_id\)/,
    ],
    [
      'more than a unique index',
      'wallets',
      { id: 1, user_id: 1 },
      /on exactly \(id, user_id\).*wallets_pkey on \(id\)/,
    ],
    ['an expression', 'notes', { lang: 'x' }, /on exactly \(lang\).*lower_lang on \(an expression\)/],
    [
      'a deferrable constraint',
      'notes',
      { deleted_at: new Date() },
      /later on \(deleted_at\), deferrable, which ON CONFLICT cannot use/,
    ],
    ['a column that is not there', 'wallets', { usre_id: 1 }, /wallets has no column usre_id/],
    ['a view', 'all_notes', { id: 1 }, /all_notes is a view/],
  ])('refuses %s before anything is written, and dooms nothing', async (_what, table, where, message) => {
    const db = open()
    await db.transaction(async (trx) => {
      for (const call of [
        () => getOrCreate(trx, table, where, {}, { strategy }),
        () => updateOrCreate(trx, table, where, { place: 1 }, { strategy }),
        () => tryInsert(trx, table, where, { strategy, key: Object.keys(where) }),
      ]) {
        const error = await rejection(call())
        expect(error).toBeInstanceOf(TransactionOptionsError)
        expect(error.message).toMatch(message)
      }
      await trx.raw('select 1')
    })
  })

  it('finds an index that was missing before', async () => {
    const db = open()
    await db.raw('create table fresh (name text)')
    await rejection(getOrCreate(db, 'fresh', { name: 'x' }, {}, { strategy }))
    await db.raw('create unique index on fresh (name)')
    expect(await getOrCreate(db, 'fresh', { name: 'x' }, {}, { strategy })).toMatchObject({ created: true })
    await db.raw('drop table fresh')
  })

  it('leaves it to PostgreSQL where the catalog may not be read', async () => {
    const role = `blind_${strategy.replace('-', '_')}_${process.pid}`
    await wallets.rows(`
      revoke select on pg_catalog.pg_index from public; create role ${role};
      grant select, insert, update on wallets to ${role}`)
    try {
      const db = open()
      const key = { user_id: 9, currency: 'EUR' }
      const results = await db.transaction(async (trx) => {
        await trx.raw(`set local role ${role}`)
        return twice(() => getOrCreate(trx, 'wallets', key, { balance: 1 }, { strategy }))
      })
      expect(results).toMatchObject([{ created: true }, { created: false, row: { balance: '1.00' } }])
      const refused = db.transaction(async (trx) => {
        await trx.raw(`set local role ${role}`)
        await getOrCreate(trx, 'wallets', { currency: null }, { user_id: 1 }, { strategy })
      })
      expect((await rejection(refused)).message).toContain(
        'its unique index allows any number of rows with NULL',
      )
    } finally {
      await wallets.rows(
        `grant select on pg_catalog.pg_index to public; drop owned by ${role}; drop role ${role}`,
      )
    }
  })
})
