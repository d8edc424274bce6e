import { describe, expect, test } from 'vitest'
import { innerCases } from './inner-transactions.ts'
import { reportsOf, suggestedFor } from './suggested.ts'
import { typeErrorsOf } from './type-errors.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
import { readOrder } from './services/orders.ts'
declare const knex: Knex
declare const work: (trx: Knex.Transaction) => Promise<void>
declare function takes(given: { inner: Knex }): Promise<void>
class Order extends Model {}
${body}
export { takes, readOrder, Order, work }
`

describe('an inner transaction dropped for the outer one', () => {
  test.each(innerCases)('$name', async ({ before, after, how }) => {
    const code = within(before)
    const found = await suggestedFor('no-nested-transaction', code)
    expect(found).toEqual(after === undefined ? [] : [{ messageId: how, output: within(after) }])
    if (after === undefined) return
    expect(await reportsOf('no-nested-transaction', within(after))).toEqual([])
  })
})

test('what is suggested type-checks, as what it replaces does', () => {
  const texts = innerCases.flatMap(({ before, after }) => [before, ...(after === undefined ? [] : [after])])
  expect(typeErrorsOf(texts.map(within))).toEqual([])
})

test('of three, any may go first, and both at last', async () => {
  const root = (text: string) => within(`await knex.transaction(async (trx) => {\n  ${text}\n})`)
  const nested =
    "await trx.transaction(async (a) => { await a.transaction(async (b) => { await b('t').insert({}) }) })"
  const [outer, inner] = await suggestedFor('no-nested-transaction', root(nested))
  expect(outer?.output).toBe(root("await trx.transaction(async (b) => { await b('t').insert({}) })"))
  expect(inner?.output).toBe(root("await trx.transaction(async (a) => { await a('t').insert({}) })"))
  const [last] = await suggestedFor('no-nested-transaction', inner!.output)
  expect(last?.output).toBe(root("await trx('t').insert({})"))
})

test('without types the same is seen where the names tell', async () => {
  const untyped = (code: string) => suggestedFor('no-nested-transaction', code, { types: false })
  expect(
    await untyped(
      "await knex.transaction(async (t) => { await t.transaction(async (u) => { await u('a') }) })",
    ),
  ).toEqual([{ messageId: 'useOuter', output: "await knex.transaction(async (t) => { await t('a') })" }])
  expect(
    await untyped("async function f(trx = knex) { await trx.transaction(async (t) => t('a')) }"),
  ).toEqual([])
  expect(
    await untyped("async function f(trx) { trx = trx ?? knex; await trx.transaction(async (t) => t('a')) }"),
  ).toEqual([])
})
