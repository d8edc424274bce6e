import { expect, test } from 'vitest'
import { suggestedFor, reportsOf } from './suggested.ts'
import { typeErrorsOf } from './type-errors.ts'

const within = (body: string, name = 'trx'): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
import { auditOn } from './services/audit.ts'
declare const knex: Knex
class Order extends Model {}
await knex.transaction(async (${name}) => {
  await ${name}('a').insert({})
  ${body}
})
export { auditOn, Order, knex }
`

const changes: { name: string; before: string; use: string; transacting?: string }[] = [
  {
    name: 'a query',
    before: "await knex('a').insert({}).returning('id')",
    use: "await trx('a').insert({}).returning('id')",
    transacting: "await knex('a').insert({}).returning('id').transacting(trx)",
  },
  {
    name: 'a query behind which something is done',
    before: "await knex('a').insert({}).then(() => 1)",
    use: "await trx('a').insert({}).then(() => 1)",
    transacting: "await knex('a').insert({}).transacting(trx).then(() => 1)",
  },
  {
    name: 'a statement in SQL',
    before: "await knex.raw('select 1')",
    use: "await trx.raw('select 1')",
    transacting: "await knex.raw('select 1').transacting(trx)",
  },
  {
    name: "a model's query",
    before: 'await Order.query().findById(1)',
    use: 'await Order.query(trx).findById(1)',
  },
  { name: "a model's query on the root", before: 'await Order.query(knex)', use: 'await Order.query(trx)' },
  {
    name: 'a function that is handed the root',
    before: "await auditOn(knex, 'x')",
    use: "await auditOn(trx, 'x')",
  },
]

test.each(changes)('$name', async ({ before, use, transacting }) => {
  expect(await suggestedFor('no-foreign-connection', within(before))).toEqual([
    { messageId: 'useTransaction', output: within(use) },
    ...(transacting === undefined ? [] : [{ messageId: 'addTransacting', output: within(transacting) }]),
  ])
  for (const output of [use, transacting ?? use]) {
    expect(await reportsOf('no-foreign-connection', within(output))).toEqual([])
  }
})

test('what is suggested type-checks', () => {
  const texts = changes.flatMap(({ use, transacting }) => [use, transacting ?? use])
  expect(typeErrorsOf(texts.map((text) => within(text)))).toEqual([])
})

test.each([
  [
    'a transaction of its own, which would be a savepoint there',
    'await knex.transaction(async (t) => { await t("a") })',
    'trx',
  ],
  [
    'a transaction that has another thing of its name before it',
    "for (const trx of [1]) await knex('a').insert({ trx })",
    'trx',
  ],
])('nothing for %s', async (_, before, name) => {
  const code = within(before, name)
  expect(await suggestedFor('no-foreign-connection', code)).toEqual([])
  expect(await reportsOf('no-foreign-connection', code)).toHaveLength(1)
})
