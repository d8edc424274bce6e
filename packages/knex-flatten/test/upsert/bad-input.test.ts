import createKnex from 'knex'
import { getOrCreate, TransactionOptionsError, updateOrCreate } from 'knex-flatten'
import { expect, it } from 'vitest'
import { connectFlat, rejection } from '../items.ts'
import { useWallets } from './wallets.ts'

const wallets = useWallets()
const key = { user_id: 1, currency: 'EUR' }

it.each<[string, unknown[], RegExp]>([
  ['no table', [undefined, key], /the table must be given by its name, not undefined/],
  ['an alias', ['wallets as w', key], /"wallets as w" gives the table another name/],
  ['no key', ['wallets', undefined], /the key must be an object of values by column, not undefined/],
  ['an empty key', ['wallets', {}], /the key must have at least one column/],
  [
    'a key without a value',
    ['wallets', { user_id: undefined }],
    /the key's user_id must have a value, not undefined/,
  ],
  ['a function for a key', ['wallets', { user_id: () => 1 }], /user_id must have a value, not function/],
  ['defaults that are none', ['wallets', key, 7], /defaults must be an object of values by column, not 7/],
  ['defaults for the key', ['wallets', key, { user_id: 2 }], /user_id is of the key and in defaults as well/],
  ['options that are none', ['wallets', key, {}, 'lock'], /options must be an object, not "lock"/],
  [
    'an unknown option',
    ['wallets', key, {}, { lock: true }],
    /no option "lock"\. Known options: returning, strategy, index/,
  ],
  [
    'an unknown strategy',
    ['wallets', key, {}, { strategy: 'x' }],
    /strategy must be "on-conflict", "lock", not "x"/,
  ],
  [
    'no columns',
    ['wallets', key, {}, { returning: [] }],
    /returning must be a list of column names, at least one/,
  ],
])(
  'getOrCreate refuses %s by name, value and what is allowed, before anything is sent',
  async (_what, given, message) => {
    const { db, received } = connectFlat(wallets)
    const error = await rejection((getOrCreate as (...all: unknown[]) => Promise<unknown>)(db, ...given))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(/^getOrCreate\(trx, /)
    expect(error.message).toMatch(message)
    expect(await received()).toEqual([])
  },
)

it.each<[string, object, object, RegExp]>([
  ['no values', {}, {}, /values must have at least one column; without any, getOrCreate/],
  ['values for the key', { user_id: 2 }, {}, /user_id is of the key and in values as well/],
  [
    'new values for the key',
    { balance: 2 },
    { onCreate: { user_id: 1 } },
    /user_id is of the key and in onCreate/,
  ],
  [
    'new values that are none',
    { balance: 2 },
    { onCreate: 1 },
    /onCreate must be an object of values by column, not 1/,
  ],
])('updateOrCreate refuses %s before anything is sent', async (_what, values, options, message) => {
  const { db, received } = connectFlat(wallets)
  const error = await rejection(updateOrCreate(db, 'wallets', key, values, options))
  expect(error).toBeInstanceOf(TransactionOptionsError)
  expect(error.message).toMatch(message)
  expect(await received()).toEqual([])
})

it('an instance that is not flattened is refused', async () => {
  for (const handle of [createKnex({ client: 'pg' }), undefined, {}]) {
    const error = await rejection(getOrCreate(handle as any, 'wallets', key))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(/neither a flattened instance nor a transaction of one/)
  }
})

it('the stack of a refusal leads to the call', async () => {
  const { db } = connectFlat(wallets)
  const error = await rejection(getOrCreate(db, 'wallets', { user_id: 1 }))
  expect(error.stack).toMatch(/bad-input\.test\.ts/)
})
