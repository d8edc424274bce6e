import rule from '../../src/rules/no-concurrent-queries.ts'
import { typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
declare const knex: Knex
declare const rows: { id: number }[]
declare function save(row: object, trx: Knex.Transaction): Promise<void>
declare function load(deps: { trx: Knex.Transaction }, id: number): Promise<void>
class User extends Model { id!: number }
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

/** The words underlined stand between ‹ and ›. */
function flagged(name: string, body: string) {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId: 'concurrent' as const, ...place }] }
}

const inside = (body: string) => `await knex.transaction(async (trx) => { ${body} })`

const right = [
  silent(
    'one query and something else',
    inside('await Promise.all([trx("users").insert(rows), fetch("http://localhost")])'),
  ),
  silent('queries on the pool', 'await Promise.all([knex("users"), knex("teams")])'),
  silent(
    'two connections',
    inside('await knex.transaction(async (other) => { await Promise.all([trx("users"), other("users")]) })'),
  ),
  silent(
    'queries that are awaited in their place',
    inside('await Promise.all([await trx("users"), await trx("teams")])'),
  ),
  silent(
    'a map that asks nothing',
    inside(
      'await Promise.all(rows.map(async (row) => fetch(`http://localhost/${row.id}`))); await save({}, trx)',
    ),
  ),
  silent(
    'a transaction each',
    'await Promise.all(rows.map((row) => knex.transaction(async (trx) => { await save(row, trx) })))',
  ),
  silent(
    'a transaction that may not be there',
    'async function f(trx?: Knex.Transaction) { await Promise.all([User.query(trx), User.query(trx)]) }',
  ),
  silent(
    'queries behind the end',
    'async function f() { const trx = await knex.transaction(); await save({}, trx); await trx.commit(); await Promise.all([knex("a"), knex("b")]) }',
  ),
  silent(
    "another object's all",
    inside('declare const pool: { all(of: unknown[]): void }; pool.all([trx("users"), trx("teams")])')
      .replace('declare const pool: { all(of: unknown[]): void }; ', '')
      .replace('await knex', 'declare const pool: { all(of: unknown[]): void }; await knex'),
  ),
  silent('one pushed', inside('const all = []; all.push(trx("users")); await Promise.all(all)')),
  silent('hooks', inside('await Promise.all(rows.map((row) => trx.executionPromise.then(() => row)))')),
]

const wrong = [
  flagged(
    "methods of an application's own on what is called a transaction",
    inside('await Promise.‹all›([trx.getOne("a"), trx.getOne("b")])'),
  ),
  flagged('two queries', inside('await Promise.‹all›([trx("users").insert(rows), trx("teams").select()])')),
  flagged('a map', inside('await Promise.‹all›(rows.map((row) => trx("users").insert(row)))')),
  flagged(
    'a map of an async function',
    inside('await Promise.‹all›(rows.map(async (row) => { await User.query(trx).insert(row) }))'),
  ),
  flagged(
    'a map of a function by its name',
    inside(
      'const add = async (row: object) => { await trx("users").insert(row) }; await Promise.‹all›(rows.map(add))',
    ),
  ),
  flagged(
    'functions that are handed the transaction',
    inside('await Promise.‹all›([save({}, trx), load({ trx }, 1)])'),
  ),
  flagged(
    'queries by transacting',
    inside('await Promise.‹all›(rows.map(async (row) => knex("users").update(row).transacting(trx)))'),
  ),
  flagged(
    'a constant of promises',
    inside('const queries = rows.map((row) => trx("users").insert(row)); await Promise.‹all›(queries)'),
  ),
  flagged(
    'promises pushed in a loop',
    inside(
      'const all: unknown[] = []; for (const row of rows) all.push(trx("users").insert(row)); await Promise.‹all›(all)',
    ),
  ),
  flagged(
    'promises pushed one by one',
    inside(
      'const all: unknown[] = []; all.push(trx("users")); all.push(trx("teams")); await Promise.‹all›(all)',
    ),
  ),
  flagged(
    'promises spread',
    inside(
      'await Promise.‹all›([...rows.map((row) => trx("users").insert(row)), fetch("http://localhost")])',
    ),
  ),
  flagged('all settled', inside('await Promise.‹allSettled›([trx("users"), trx("teams")])')),
  flagged('a race', inside('await Promise.‹race›([trx("users"), trx("teams")])')),
  flagged(
    'in a function that is handed the transaction',
    'async function f(trx: Knex.Transaction) { await Promise.‹all›([trx("users"), trx.raw("SELECT 1")]) }',
  ),
  flagged(
    'behind then',
    inside('await trx("users").then(() => Promise.‹all›(rows.map((row) => trx("teams").insert(row))))'),
  ),
]

typed.run('no-concurrent-queries, with types', rule, {
  valid: right,
  invalid: [
    ...wrong,
    flagged(
      'a field that holds a transaction',
      'class Users { constructor(private readonly db: Knex.Transaction) {} async both() { await Promise.‹all›([this.db("a"), this.db("b")]) } }',
    ),
  ],
})

untyped.run('no-concurrent-queries, by names', rule, { valid: right, invalid: wrong })
