import rule from '../../src/rules/no-foreign-connection.ts'
import { reportsOnly, typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { afterCommit } from 'knex-flatten'
import { Model, transaction, type TransactionOrKnex } from 'objection'
import { audit, auditOn, auditWithin, audits, createOrderService, type OrderService } from './services/audit.ts'
declare const knex: Knex
declare const either: Knex | Knex.Transaction
declare const service: OrderService
declare const rows: { id: number }[]
declare function current(): Knex
declare function withTransaction(work: () => Promise<void>): Promise<void>
class User extends Model {}
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

type MessageId = 'query' | 'model' | 'transaction' | 'through'

/** `‹` and `›` stand around what must be underlined. */
const flagged = (name: string, body: string, messageId: MessageId = 'query') => {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId, ...place }] }
}

/** Code that runs in a transaction. */
const inside = (body: string) => `await knex.transaction(async (trx) => { ${body} })`

typed.run('no-foreign-connection, with types', reportsOnly(rule), {
  valid: [
    silent(
      'an interface whose implementations query different things',
      `interface Log { write(): Promise<void> } class A implements Log { async write() { await knex("a").insert({}) } } const make = (knex: Knex): Log => ({ write: async () => { await knex("b").insert({}) } }); declare const log: Log; ${inside('await log.write()')}; export { A, make }`,
    ),
    silent(
      'what a callback is handed beside the transaction',
      'declare function withTrx(work: (on: Knex.Transaction, db: Knex) => Promise<void>): Promise<void>; await withTrx(async (on, db) => { await on("a"); await db("b") })',
    ),
    silent('queries on the transaction', inside('await trx("a").insert({}); await trx.raw("select 1")')),
    silent(
      'queries on the root outside',
      'await knex("a"); await knex.transaction(async (trx) => { await trx("a") }); await knex("b")',
    ),
    ...[
      'await knex("a").insert({}).transacting(trx)',
      'await knex("a").where({}).transacting(trx).first()',
      'await knex("a").insert({}).returning("*").transacting(trx).then(() => 1)',
      'await knex.raw("select 1").transacting(trx)',
      'await audits(knex).where({ id: 1 }).transacting(trx)',
      'const query = knex("a").insert({}); await query.transacting(trx)',
    ].map((body) => silent(`what is given the transaction: ${body}`, inside(body))),
    ...[
      'await trx("a").whereIn("id", knex("b").select("id"))',
      'await trx("a").where("id", "in", audits())',
      'await trx("a").whereIn("id", () => knex("b").select("id"))',
      'const ids = knex("b").select("id"); await trx("a").whereIn("id", ids)',
      'await trx("a").select(knex.raw("count(*)")).where("at", "<", knex.fn.now())',
      'await trx(knex.raw("?? (??)", ["a", "b"])).insert(knex.select(knex.raw("1")).from("c"))',
      'await trx("a").where("x", knex.ref("a.y")); console.log(knex.client, knex.isTransaction, knex("a").toSQL())',
      'knex("a").insert({})',
    ].map((body) => silent(`a part of another statement, or none: ${body}`, inside(body))),
    silent(
      'the promise form, before and behind',
      'await knex("a"); const trx = await knex.transaction(); await trx("a"); await trx.commit(); await knex("a")',
    ),
    silent(
      'hooks and what runs later',
      inside('afterCommit(trx, async () => { await knex("a") }); setTimeout(() => void audit("x"), 1)'),
    ),
    silent('either of them', 'async function f(t?: Knex.Transaction) { await (t ?? knex)("a") } await f()'),
    silent(
      'a function that may not have got one',
      'async function f(trx?: Knex.Transaction) { if (trx) return trx("a"); return knex("a") } await f()',
    ),
    silent(
      'dependencies that may be made of the transaction',
      'async function f(deps: { knex: TransactionOrKnex }, trx: Knex.Transaction) { await trx("a"); await User.query(deps.knex) } export { f }',
    ),
    silent(
      'a transaction that is meant to be apart',
      inside(
        'await knex.transaction(async (own) => own("a").insert({}), { propagation: "requires-new" } as object)',
      ),
    ),
    silent(
      'the same by options that have a name',
      inside(
        'const apart: object = { propagation: "requires-new" }; await knex.transaction(async (own) => own("a").insert({}), apart)',
      ),
    ),
    silent('what a call answers with', inside('await current()("a"); await current().raw("select 1")')),
    silent(
      'a getter that chooses',
      'class R { #t?: Knex.Transaction; root!: Knex; get db(): Knex { if (this.#t) return this.#t; return this.root } async f() { await knex.transaction(async () => { await this.db("a") }) } } export { R }',
    ),
    silent(
      'a wrapper that makes its transaction known in its own way',
      'await withTransaction(async () => { await knex("a") })',
    ),
    silent(
      'a handle of their own',
      inside('const db: Knex = trx; await db("a"); const insert = (on: Knex) => on("a"); await insert(trx)'),
    ),
    silent(
      'a variable that is given several values',
      inside('let db = knex; if (rows.length) db = trx; await db("a")'),
    ),
    silent(
      'Objection with the transaction',
      inside(
        'await User.query(trx); const user = new User(); await user.$query(trx).patch({}); await User.relatedQuery("a", trx); await User.fetchGraph([], "a", { transaction: trx })',
      ),
    ),
    silent(
      'a bound model',
      `await transaction(User, async (Bound) => { await Bound.query() }); ${inside('const Bound = User.bindTransaction(trx); await Bound.query(); await User.bindKnex(trx).query()')}`,
    ),
    silent(
      'functions that are given the transaction',
      inside(
        'await auditOn(trx, "x"); await auditWithin("x", trx); await audits(trx); await service.find(1, trx)',
      ),
    ),
    silent(
      'a service made of the transaction',
      inside(
        'const own = await createOrderService({ knex: trx, name: "a" }); await own.get(1); await own.find(1)',
      ),
    ),
    silent(
      'a function that only makes one that queries',
      inside('const work = () => audit("x"); export_(work)').replace('export_', 'console.log'),
    ),
    silent(
      'functions of the same names',
      inside(
        'declare function select(what: string): Promise<void>; await select("x"); await Promise.resolve(new Map([[1, 2]]).delete(1))',
      ),
    ),
  ],
  invalid: [
    {
      ...flagged(
        'through an interface each of whose implementations queries the same root',
        `interface Log { write(): Promise<void> } class A implements Log { async write() { await knex("a").insert({}) } } class B implements Log { async write() { await knex("b").insert({}) } } declare const log: Log; ${inside('await log.‹write›()')}; export { A, B }`,
        'through',
      ),
      errors: [
        {
          messageId: 'through' as const,
          data: {
            chain: '`write` (fixtures/file.ts:13, and in 1 more), which queries `knex`',
            transaction: '`trx`',
          },
        },
      ],
    },
    flagged(
      'a root that a function is handed beside the transaction',
      'export async function f(on: Knex.Transaction, db: Knex) { await on("a"); await ‹db›("b") }',
    ),
    flagged('the root in a callback', inside('await trx("a"); await ‹knex›("b")')),
    flagged('a column of others', inside('await ‹knex›("b").where({ id: 1 }).first()')),
    flagged('raw SQL', inside('const found = await ‹knex›.raw("select 1"); await trx("a").insert(found)')),
    flagged('a builder method', inside('return ‹knex›.select("a").from("b")')),
    flagged('the schema', inside('await ‹knex›.schema.hasTable("b")')),
    flagged(
      'a field',
      'class R { constructor(private readonly db: Knex) {} async f() { await this.db.transaction(async (trx) => { await trx("a"); await ‹this.db›("a") }) } } export { R }',
    ),
    flagged(
      'dependencies',
      'async function f(deps: { knex: TransactionOrKnex }) { await deps.knex.transaction(async (trx) => { await trx("a"); await User.query(‹deps.knex›) }) } export { f }',
    ),
    flagged(
      'the promise form',
      'const trx = await knex.transaction(); await ‹knex›("a"); await trx.commit()',
    ),
    flagged(
      'a callback that takes nothing',
      'await knex.transaction(async () => { await ‹knex›("a").insert({}) })',
    ),
    flagged(
      'a function that is handed a transaction',
      'async function f(trx: Knex.Transaction) { await trx("a"); await ‹knex›("b") } export { f }',
    ),
    flagged(
      'a method with a field and a transaction',
      'class R { constructor(private readonly db: Knex) {} f(trx: Knex.Transaction) { void trx; return ‹this.db›("a").insert({}) } } export { R }',
    ),
    flagged(
      'a destructured root',
      'async function f({ db: root }: { db: Knex }) { await root.transaction(async (trx) => { await trx("a"); await ‹root›("b") }) } export { f }',
    ),
    flagged('several at once', inside('await Promise.all([trx("a"), ‹knex›("b")])')),
    flagged('one per row', inside('await Promise.all(rows.map((row) => ‹knex›("b").insert(row)))')),
    flagged('a promise', inside('‹knex›("b").insert({}).then(() => undefined)')),
    flagged(
      'a builder in a variable',
      inside(
        'let query = ‹knex›("b").where({}); if (rows.length) query = query.limit(1); const found = await query; return found',
      ),
    ),
    flagged('a second transaction', inside('await ‹knex›.transaction(async () => {})'), 'transaction'),
    flagged('a batch', inside('await ‹knex›.batchInsert("a", [])'), 'transaction'),
    flagged('Objection without the transaction', inside('await ‹User.query›().insert({})'), 'model'),
    flagged(
      "Objection's rows without it",
      inside('const user = new User(); await ‹user.$query›().patch({})'),
      'model',
    ),
    flagged('Objection on the root', inside('await User.query(‹knex›).insert({})')),
    flagged(
      'Model.transaction',
      'await User.transaction(async (trx) => { await User.query(trx); await ‹User.query›() })',
      'model',
    ),
    {
      name: 'a function in another file, with its chain',
      code: within(inside('await audit("x")')),
      errors: [
        {
          messageId: 'through' as const,
          data: { chain: '`audit` (services/audit.ts:8), which queries `db`', transaction: '`trx`' },
        },
      ],
    },
    flagged('a call, by its name', inside('await ‹audit›("x")'), 'through'),
    flagged('a root that is passed', inside('await auditOn(‹knex›, "x")'), 'through'),
    flagged('a transaction that is not passed', inside('await ‹auditWithin›("x")'), 'through'),
    flagged('nothing in its place', inside('await ‹auditWithin›("x", undefined)'), 'through'),
    flagged('a builder that another function makes', inside('await ‹audits›()'), 'through'),
    flagged('a default', inside('const found = await ‹audits›().where({}); return found'), 'through'),
    flagged('a function that is handed on', inside('await Promise.all(["a"].map(‹audit›))'), 'through'),
    flagged('a service that closes over the root', inside('await service.‹get›(1)'), 'through'),
    flagged('a service, nothing passed', inside('await service.‹find›(1)'), 'through'),
    flagged(
      'a service of dependencies that are handed on',
      'async function f(deps: { knex: TransactionOrKnex; orders: OrderService }) { await deps.knex.transaction(async (trx) => { await g({ ...deps, knex: trx }) }) } async function g(deps: { knex: TransactionOrKnex; orders: OrderService }) { await User.query(deps.knex); await deps.orders.get(1) } export { f }'.replace(
        'await g(',
        'await ‹g›(',
      ),
      'through',
    ),
    flagged(
      'a function within, called there',
      inside('const log = async () => { await ‹knex›("logs").insert({}) }; await log()').replace(
        'await log()',
        'await log()',
      ),
      'query',
    ),
    flagged('a loop', inside('for (const row of rows) await ‹knex›("a").insert(row)')),
  ],
})

untyped.run('no-foreign-connection, without types', reportsOnly(rule), {
  valid: [
    'await knex.transaction(async (trx) => { await trx("a") })',
    'await knex.transaction(async (trx) => { await knex("a").transacting(trx) })',
    'await knex.transaction(async (trx) => { await trx("a").whereIn("id", knex("b").select("id")) })',
    'import { drizzle } from "drizzle-orm"; await db.transaction(async (tx) => { await db("a") })',
    'async function f(trx) { await (trx ?? knex)("a") }',
    'await knex.transaction(async (trx) => { await User.query(trx); await Pool.query("select 1") })',
  ],
  invalid: [
    { code: 'await knex.transaction(async (trx) => { await knex("a") })', errors: [{ messageId: 'query' }] },
    {
      code: 'const trx = await db.transaction(); await db("a"); await trx.commit()',
      errors: [{ messageId: 'query' }],
    },
    {
      code: 'class R { async f() { await this.db.transaction(async (trx) => { await this.db("a").insert({}) }) } }',
      errors: [{ messageId: 'query' }],
    },
    {
      code: 'await knex.transaction(async (trx) => { await User.query().insert({}) })',
      errors: [{ messageId: 'model' }],
    },
    {
      code: 'async function audit() { await knex("audits").insert({}) } await audit(); await knex.transaction(async (trx) => { await audit() })',
      errors: [{ messageId: 'through' }],
    },
    {
      code: 'await knex.transaction(async (trx) => { await knex.transaction(work) })',
      errors: [{ messageId: 'transaction' }],
    },
  ],
})

typed.run('no-foreign-connection, with what to do instead', rule, {
  valid: [],
  invalid: [
    {
      code: within(inside('await knex("a")')),
      errors: [
        {
          messageId: 'query',
          suggestions: [
            { messageId: 'useTransaction', output: within(inside('await trx("a")')) },
            { messageId: 'addTransacting', output: within(inside('await knex("a").transacting(trx)')) },
          ],
        },
      ],
    },
    // More of plain pg is in test/plain-pg.test.ts.
    {
      code: 'async function f(pool) { const client = await pool.connect(); await client.query("BEGIN"); await pool.connect() }',
      errors: [{ messageId: 'connection' }],
    },
  ],
})
