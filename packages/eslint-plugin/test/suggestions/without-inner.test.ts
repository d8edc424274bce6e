import rule from '../../src/rules/no-nested-transaction.ts'
import { typed, untyped } from '../rule-tester.ts'
import { innerCases } from './inner-transactions.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
import { readOrder } from './services/orders.ts'
declare const knex: Knex
declare const handle: (error: unknown) => void
declare const work: (trx: Knex.Transaction) => Promise<void>
declare function takes(given: { inner: Knex }): Promise<void>
class Order extends Model {}
${body}
export { handle, takes, readOrder, Order, work }
`

const inRoot = (text: string) => within(`await knex.transaction(async (trx) => {\n  ${text}\n})`)

typed.run('no-nested-transaction: an inner transaction dropped for the outer one', rule, {
  valid: [],
  invalid: [
    ...innerCases.map(({ name, before, after, how = 'useOuter', isCaught = false }) => ({
      name,
      code: within(before),
      errors: [
        {
          messageId: isCaught ? ('caught' as const) : ('nested' as const),
          suggestions: after === undefined ? null : [{ messageId: how, output: within(after) }],
        },
      ],
    })),
    {
      name: 'of three, any first',
      code: inRoot(
        "await trx.transaction(async (a) => { await a.transaction(async (b) => { await b('t').insert({}) }) })",
      ),
      errors: [
        "await trx.transaction(async (b) => { await b('t').insert({}) })",
        "await trx.transaction(async (a) => { await a('t').insert({}) })",
      ].map((output) => ({
        messageId: 'nested' as const,
        suggestions: [{ messageId: 'useOuter' as const, output: inRoot(output) }],
      })),
    },
    {
      name: 'of three, both at last',
      code: inRoot("await trx.transaction(async (a) => { await a('t').insert({}) })"),
      errors: [
        {
          messageId: 'nested',
          suggestions: [{ messageId: 'useOuter', output: inRoot("await trx('t').insert({})") }],
        },
      ],
    },
  ],
})

untyped.run('no-nested-transaction: the same without types, where the names tell', rule, {
  valid: [],
  invalid: [
    {
      code: "await knex.transaction(async (t) => { await t.transaction(async (u) => { await u('a') }) })",
      errors: [
        {
          messageId: 'nested',
          suggestions: [
            { messageId: 'useOuter', output: "await knex.transaction(async (t) => { await t('a') })" },
          ],
        },
      ],
    },
    {
      name: 'not what has a default, which would make it a root for some callers',
      code: "async function f(trx = knex) { await trx.transaction(async (t) => t('a')) }",
      errors: [{ messageId: 'nested' }],
    },
    {
      name: 'not what is assigned anew',
      code: "async function f(trx) { trx = trx ?? knex; await trx.transaction(async (t) => t('a')) }",
      errors: [{ messageId: 'nested' }],
    },
  ],
})
