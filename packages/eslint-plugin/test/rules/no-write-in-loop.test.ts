import rule from '../../src/rules/no-write-in-loop.ts'
import { typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
import type { Client } from 'pg'
declare const knex: Knex
declare const trx: Knex.Transaction
declare const client: Client
declare const rows: { id: number }[]
declare function chunk<T>(rows: T[], size: number): T[][]
class User extends Model { id!: number }
declare const users: User[]
declare const tables: { users: (on: Knex) => Knex.QueryBuilder; of: (name: unknown, on: Knex) => Knex.QueryBuilder }
declare function usersOn(on: Knex): Knex.QueryBuilder
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

/** The words underlined stand between ‹ and ›. */
function flagged(name: string, body: string, messageId: 'insert' | 'update' | 'delete' = 'insert') {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId, ...place }] }
}

const right = [
  silent('a write outside of any loop', 'await trx("users").insert(rows)'),
  silent('a read in a loop', 'for (const row of rows) await trx("users").where(row).first()'),
  silent('batches', 'for (const batch of chunk(rows, 100)) await trx("users").insert(batch)'),
  silent(
    'rows made in place',
    'for (const row of rows) await trx("lines").insert([row].map((line) => ({ ...line, order: row.id })))',
  ),
  silent(
    'a condition on many',
    'for (const ids of chunk([1], 100)) await trx("users").whereIn("id", ids).update({ a: 1 })',
  ),
  silent(
    'an operator on many',
    'for (const ids of chunk([1], 100)) await trx("users").where("id", "in", ids).delete()',
  ),
  silent(
    'another table each time',
    'declare const tables: string[]; for (const table of tables) await trx(table).delete()',
  ),
  silent(
    'another model each time',
    'declare const models: (typeof User)[]; for (const Each of models) await Each.query(trx).delete()',
  ),
  silent('a few that are written out', 'for (const name of ["a", "b"]) await trx("users").insert({ name })'),
  silent(
    'attempts',
    'for (let attempt = 0; attempt < 3; attempt++) { try { await trx("users").insert(rows[0]) } catch {} }',
  ),
  silent(
    'a loop that is left behind it',
    'while (true) { try { await trx("users").insert(rows[0]); break } catch {} }',
  ),
  silent(
    'a loop that is returned from',
    'async function f() { for (const row of rows) { if (row.id) return trx("users").insert(row) } }',
  ),
  silent(
    'until nothing is left',
    'let count = 1; while (count > 0) { count = await trx("users").where({ old: true }).limit(100).delete() }',
  ),
  silent(
    'a transaction each',
    'for (const row of rows) await knex.transaction(async (own) => { await own("users").insert(row) })',
  ),
  silent(
    "somebody else's delete",
    'const seen = new Map<number, string>(); for (const row of rows) seen.delete(row.id)',
  ),
  silent(
    "somebody else's insert",
    'declare const list: { insert(row: object): void }; for (const row of rows) list.insert(row)',
  ),
  silent(
    'SQL that takes many rows',
    'for (const row of rows) await trx.raw("INSERT INTO t SELECT * FROM unnest(?::int[])", [[row.id]])',
  ),
  silent('SQL that reads', 'for (const row of rows) await trx.raw("SELECT 1 WHERE ? = 1", [row.id])'),
  silent(
    'a query in the head of a loop',
    'for (const row of await trx("users").insert(rows).returning("*")) console.log(row)',
  ),
  silent(
    'a query within another',
    'for (const row of rows) await trx.with("x", trx("users").insert(row)).select().from("x")',
  ),
]

const wrong = [
  flagged('for … of', 'for (const row of rows) await trx("users").‹insert›(row)'),
  flagged(
    'on the pool',
    'for (const row of rows) { await knex("users").‹insert›({ id: row.id }).returning("id") }',
  ),
  flagged('by transacting', 'for (const row of rows) await knex("users").‹insert›(row).transacting(trx)'),
  flagged(
    'counting',
    'for (let index = 0; index < rows.length; index++) { await trx("users").‹insert›(rows[index]) }',
  ),
  flagged('while there is one', 'let row; while ((row = rows.shift())) { await trx("users").‹insert›(row) }'),
  flagged(
    'forEach',
    'rows.forEach(async (row) => { await trx("users").where({ id: row.id }).‹update›(row) })',
    'update',
  ),
  flagged('map', 'await Promise.all(rows.map((row) => trx("users").‹insert›(row)))'),
  flagged(
    'map that returns',
    'await Promise.all(rows.map(async (row) => { return trx("users").‹insert›(row) }))',
  ),
  flagged(
    'promises pushed',
    'const all: unknown[] = []; for (const row of rows) all.push(trx("users").‹insert›(row))',
  ),
  flagged('a delete', 'for (const { id } of rows) await trx("users").where({ id }).‹del›()', 'delete'),
  flagged('a model', 'for (const row of rows) await User.query(trx).‹insertAndFetch›(row)'),
  flagged('an instance', 'for (const user of users) await user.$query(trx).‹patch›({ id: 1 })', 'update'),
  flagged(
    'SQL',
    'for (const row of rows) await trx.‹raw›("UPDATE t SET a = ? WHERE id = ?", [1, row.id])',
    'update',
  ),
  flagged(
    "SQL of pg's",
    'for (const row of rows) await client.‹query›("INSERT INTO t (id) VALUES ($1)", [row.id])',
  ),
]

typed.run('no-write-in-loop, with types', rule, {
  valid: [
    ...right,
    silent(
      'rows by their type',
      'declare const all: { id: number }[][]; for (const some of all) await trx("users").insert(some)',
    ),
    silent(
      'a table that a function of their own is told each time',
      'for (const row of rows) await tables.of(row.id, trx).insert(row)',
    ),
    silent('batches by such a function', 'for (const row of rows) await tables.users(trx).insert([row])'),
    silent(
      'a condition on many behind such a function',
      'for (const row of rows) await tables.users(trx).whereIn("id", [row.id]).delete()',
    ),
    {
      ...silent(
        'a builder made on the writer',
        'for (const row of rows) await tables.users(knex).insert(row)',
      ),
      settings: { 'knex-flatten': { writerOnly: ['knex'] } },
    },
    {
      ...silent(
        'what such a builder is given on the writer',
        'for (const row of rows) await tables.users(trx).insert(row).transacting(knex)',
      ),
      settings: { 'knex-flatten': { writerOnly: ['knex'] } },
    },
  ],
  invalid: [
    ...wrong,
    flagged(
      'a builder that a function of their own makes',
      'for (const row of rows) await tables.users(knex).‹insert›(row).transacting(trx)',
    ),
    flagged(
      'a builder that a plain function makes',
      'for (const row of rows) await usersOn(trx).where({ id: row.id }).‹update›(row)',
      'update',
    ),
  ],
})

untyped.run('no-write-in-loop, by names', rule, { valid: right, invalid: wrong })
