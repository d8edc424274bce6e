import rule from '../../src/rules/require-read-only.ts'
import { typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
declare const knex: Knex
declare const row: object
declare function load(trx: Knex.Transaction): Promise<void>
class User extends Model { id!: number }
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

/** The words underlined stand between ‹ and ›. */
function flagged(name: string, body: string) {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId: 'readOnly' as const, ...place }] }
}

const inside = (body: string) => `await knex.transaction(async (trx) => { ${body} })`
const wrongly = (body: string) => `await knex.‹transaction›(async (trx) => { ${body} })`

const right = [
  silent(
    'one that says so',
    'await knex.transaction(async (trx) => { await trx("users") }, { readOnly: true })',
  ),
  silent(
    'one that says that it is not',
    'await knex.transaction(async (trx) => { await trx("users") }, { readOnly: false })',
  ),
  silent(
    'options that cannot be read',
    'declare const options: object; await knex.transaction(async (trx) => { await trx("users") }, options)',
  ),
  silent('a write', inside('await trx("users").insert(row)')),
  silent('a read and a write', inside('await trx("users"); await trx("users").where(row).delete()')),
  silent('a lock', inside('await trx("users").where(row).forUpdate().first()')),
  silent('a method that is not known', inside('await (trx("users") as any).magic()')),
  silent('SQL that writes', inside('await trx.raw("UPDATE users SET a = 1")')),
  silent('SQL that calls a function', inside('await trx.raw("SELECT audit(1)")')),
  silent(
    'SQL that is not in sight',
    inside('declare const sql: string; await trx.raw(sql)')
      .replace('declare const sql: string; ', '')
      .replace('await knex', 'declare const sql: string; await knex'),
  ),
  silent('a transaction that is handed on', inside('await trx("users"); await load(trx)')),
  silent('a query that is kept', inside('const query = trx("users").select(); await query')),
  silent('nothing sent', inside('return 1')),
  silent(
    'a nested transaction',
    'async function f(trx: Knex.Transaction) { await trx.transaction(async (inner) => { await inner("users") }) }',
  ),
  silent('a write on another Knex', inside('await trx("users"); await knex("log").insert(row)')),
  silent('a write of a model', inside('await User.query(trx); await User.query(trx).patch({})')),
]

const wrong = [
  flagged('a read', wrongly('return trx("users").where(row).first()')),
  flagged(
    'several reads',
    wrongly(
      'const users = await trx("users").select("id"); const [count] = await trx("teams").count(); return { users, count }',
    ),
  ),
  flagged(
    'reads by other ways',
    wrongly(
      'await knex("users").select().transacting(trx); await User.query(trx).findById(1); await trx.select("a").from("t")',
    ),
  ),
  flagged('a subquery', wrongly('return await trx("users").whereIn("team", trx("teams").select("id"))')),
  flagged('SQL', wrongly('await trx.raw("SELECT 1")')),
  flagged(
    'an isolation level',
    'await knex.‹transaction›(async (trx) => { await trx("users") }, { isolationLevel: "repeatable read" })',
  ),
]

typed.run('require-read-only, with types', rule, { valid: right, invalid: wrong })
untyped.run('require-read-only, by names', rule, { valid: right, invalid: wrong })
