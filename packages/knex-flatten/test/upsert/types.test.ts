import type { Knex } from 'knex'
import { getOrCreate, tryInsert, updateOrCreate } from 'knex-flatten'
import { expect, expectTypeOf, it } from 'vitest'
import { rejection } from '../items.ts'
import { useWallets } from './wallets.ts'

interface TypedWallet {
  id: string
  owner: string
  balance: string
}

declare module 'knex/types/tables.js' {
  interface Tables {
    typed_wallets: Knex.CompositeTableType<
      TypedWallet,
      { owner: string; balance?: string | number },
      { balance?: string | number }
    >
  }
}

const wallets = useWallets(
  'create table typed_wallets (id bigint generated always as identity, owner text unique, balance numeric default 0)',
)

it('a declared table gives the types of rows, keys and values', async () => {
  const db = wallets.open('primary')
  const got = await getOrCreate(db, 'typed_wallets', { owner: 'a' }, { balance: 1 })
  expectTypeOf(got).toEqualTypeOf<{ readonly row: TypedWallet; readonly created: boolean }>()
  const part = await getOrCreate(db, 'typed_wallets', { owner: 'a' }, {}, { returning: ['balance'] })
  expectTypeOf(part.row).toEqualTypeOf<{ balance: string }>()
  const updated = await updateOrCreate(
    db,
    'typed_wallets',
    { owner: 'a' },
    { balance: db.raw('typed_wallets.balance + 1') },
    { returning: ['id', 'owner'], onCreate: { balance: 1 } },
  )
  expectTypeOf(updated.row).toEqualTypeOf<{ id: string; owner: string }>()
  const given = { owner: 'a', balance: 3 }
  const tried = await tryInsert(db, 'typed_wallets', given, { returning: ['id'], key: ['owner'] })
  expectTypeOf(tried.inserted).toEqualTypeOf<{ id: string }[]>()
  expectTypeOf(tried.conflicts).toEqualTypeOf<{ owner: string; balance: number }[]>()
  expect(tried.conflicts[0]).toBe(given)

  // @ts-expect-error -- no such column
  expect((await rejection(getOrCreate(db, 'typed_wallets', { ownr: 'a' }))).message).toMatch(/no column ownr/)
  // @ts-expect-error -- no column to insert
  expect((await rejection(getOrCreate(db, 'typed_wallets', { id: '1' }))).message).toMatch(/on exactly/)
  // @ts-expect-error -- no column to update
  const moved = rejection(updateOrCreate(db, 'typed_wallets', { owner: 'a' }, { owner: 'b' }))
  expect((await moved).message).toMatch(/owner is of the key and in values/)
})

it('a table that is not declared takes any columns, or those of a row that is named', async () => {
  const db = wallets.open('primary')
  const any = await getOrCreate(db, 'wallets', { user_id: 1, currency: 'EUR' })
  expectTypeOf(any.row['balance']).toBeAny()
  const named = await getOrCreate<{ user_id: number; currency: string; balance: string }>(
    db,
    'wallets',
    { user_id: 1, currency: 'EUR' },
    { balance: '2' },
  )
  expectTypeOf(named.row.balance).toEqualTypeOf<string>()
  expect(named.row.balance).toBe('0.00')
})
