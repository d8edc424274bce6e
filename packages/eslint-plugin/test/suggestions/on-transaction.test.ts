import rule from '../../src/rules/no-foreign-connection.ts'
import { typed } from '../rule-tester.ts'

const within = (body: string, name = 'trx'): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
import { auditIn, auditOn, auditWith, type Dependencies } from './services/audit.ts'
declare const knex: Knex
declare const db: Knex
declare const deps: Dependencies
class Order extends Model {}
await knex.transaction(async (${name}) => {
  await ${name}('a').insert({})
  ${body}
})
export { auditIn, auditOn, auditWith, db, deps, Order, knex }
`

interface Change {
  readonly name: string
  readonly before: string
  readonly use: string
  readonly transacting?: string
  readonly messageId?: 'model' | 'through'
}

const changes: Change[] = [
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
    messageId: 'model',
  },
  { name: "a model's query on the root", before: 'await Order.query(knex)', use: 'await Order.query(trx)' },
  {
    name: 'a function that is handed the root',
    before: "await auditOn(knex, 'x')",
    use: "await auditOn(trx, 'x')",
    messageId: 'through',
  },
  ...[
    ['an object of dependencies', 'auditWith({ db: knex, name: "x" })', 'auditWith({ db: trx, name: "x" })'],
    ['its property in short', 'auditWith({ db, name: "x" })', 'auditWith({ db: trx, name: "x" })'],
    [
      'what is told its type',
      'auditWith({ db: knex as Knex, name: "x" })',
      'auditWith({ db: trx, name: "x" })',
    ],
    [
      'an object in an object',
      'auditIn({ deps: { db, name: "x" } })',
      'auditIn({ deps: { db: trx, name: "x" } })',
    ],
    ['dependencies that are spread', 'auditWith({ ...deps })', 'auditWith({ ...deps, db: trx })'],
    [
      'dependencies that are spread before another',
      'auditWith({ ...deps, name: "x" /* it */ })',
      'auditWith({ ...deps, name: "x", db: trx /* it */ })',
    ],
    ['such in an object', 'auditIn({ deps: { ...deps } })', 'auditIn({ deps: { ...deps, db: trx } })'],
  ].map(([name = '', before, use]) => ({
    name,
    before: `await ${before}`,
    use: `await ${use}`,
    messageId: 'through' as const,
  })),
]

typed.run('no-foreign-connection: what it suggests', rule, {
  valid: [],
  invalid: [
    ...changes.map(({ name, before, use, transacting, messageId = 'query' as const }) => ({
      name,
      code: within(before),
      errors: [
        {
          messageId,
          suggestions: [
            { messageId: 'useTransaction' as const, output: within(use) },
            ...(transacting === undefined
              ? []
              : [{ messageId: 'addTransacting' as const, output: within(transacting) }]),
          ],
        },
      ],
    })),
    ...[
      ['an object that is not in sight', 'auditWith(deps)'],
      ['an object that is in a variable', 'auditIn({ deps })'],
      ['what is handed on in an object of it', 'auditIn({ ...{ deps } })'],
      ['a property that is asked for', 'auditWith({ ...deps, get db() { return knex } })'],
    ].map(([name, before]) => ({
      name: `nothing for ${name}`,
      code: within(`await ${before}`),
      errors: [{ messageId: 'through' as const }],
    })),
    {
      name: 'nothing for a transaction of its own, which would be a savepoint there',
      code: within('await knex.transaction(async (t) => { await t("a") })'),
      errors: [{ messageId: 'transaction' }],
    },
    {
      name: 'nothing for a transaction that has another thing of its name before it',
      code: within("for (const trx of [1]) await knex('a').insert({ trx })"),
      errors: [{ messageId: 'query' }],
    },
  ],
})
