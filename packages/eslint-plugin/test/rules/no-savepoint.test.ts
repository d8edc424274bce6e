import rule from '../../src/rules/no-savepoint.ts'
import { typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import type { Client, Pool, PoolClient } from 'pg'
import { OPEN, statements } from './services/statements.ts'
declare const knex: Knex
declare const trx: Knex.Transaction
declare const client: Client & PoolClient
declare const pool: Pool
declare const name: string
declare function sql(texts: TemplateStringsArray, ...values: unknown[]): Promise<void>
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

/** The words underlined stand between ‹ and ›. */
function flagged(name: string, body: string, messageId: 'method' | 'statement' = 'statement') {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId, ...place }] }
}

typed.run('no-savepoint, with types', rule, {
  valid: [
    silent(
      "Kysely's method",
      'interface ControlledTransaction { savepoint(name: string): { execute(): void } } declare const kysely: ControlledTransaction; kysely.savepoint("a").execute()',
    ),
    silent(
      "postgres.js's method",
      'interface TransactionSql { savepoint(work: (inner: TransactionSql) => void): void } declare const tx: TransactionSql; tx.savepoint((inner) => {})',
    ),
    silent('the end of a whole transaction', 'await trx.raw("ROLLBACK"); await client.query("rollback")'),
    silent(
      'the word in a value, a name or a comment',
      `await trx.raw("SELECT 'SAVEPOINT a' AS \\"savepoint\\" -- SAVEPOINT b")`,
    ),
    silent('a text that is not SQL', 'await trx.raw("release the savepoint now")'),
    silent('an escape beyond every character', 'await sql`\\u{110000000} savepoint`'),
    silent('a text that nothing is known of', 'await trx.raw(name); await trx.raw(`${name}`)'),
    silent('a constant of another file', 'await trx.raw(statements.read)'),
    silent(
      'other words of a call',
      'console.log("SAVEPOINT a"); await client.query({ name: "SAVEPOINT a", text: "SELECT 1" })',
    ),
    silent(
      'another database',
      'import type { Connection } from "mysql2"; declare const mysql: Connection; mysql.query("SELECT 1")',
    ),
  ],
  invalid: [
    {
      name: "Knex's method, with what to do without it",
      code: within('await trx.savepoint(async (inner) => { await inner("t") })'),
      errors: [
        {
          messageId: 'method',
          suggestions: [{ messageId: 'useOuterUncaught', output: within('await trx("t")') }],
        },
      ],
    },
    {
      name: "Knex's method in the transaction's callback",
      code: within('await knex.transaction((trx) => trx.savepoint(async (inner) => inner("t")))'),
      errors: [
        {
          messageId: 'method',
          suggestions: [
            {
              messageId: 'useOuter',
              output: within('await knex.transaction((trx) => (async (inner) => inner("t"))(trx))'),
            },
          ],
        },
      ],
    },
    flagged(
      'a method whose error is caught',
      'try { await trx.‹savepoint›(async (inner) => { await inner("t") }) } catch {}',
      'method',
    ),
    flagged(
      'the method of a field',
      'class S { constructor(private t: Knex.Transaction) {} run() { return this.t.‹savepoint›(async () => {}) } }',
      'method',
    ),
    flagged(
      'the method of an optional transaction',
      'function f(t?: Knex.Transaction) { return t?.‹savepoint›(async () => {}) }',
      'method',
    ),
    flagged('the method by a string key', "await trx[‹'savepoint'›](async () => {})", 'method'),
    flagged('raw by a string key', 'await trx["raw"]("‹SAVEPOINT› a")'),
    flagged('SAVEPOINT in raw', 'await trx.raw("‹SAVEPOINT› a")'),
    flagged('RELEASE in raw', 'await trx.raw("  ‹RELEASE› SAVEPOINT a")'),
    flagged('ROLLBACK TO in raw', 'await trx.raw("‹ROLLBACK TO› SAVEPOINT a")'),
    flagged('lower case, after another statement', 'await trx.raw("SELECT 1; ‹savepoint› a; SELECT 2")'),
    flagged('raw of the schema builder', 'await knex.schema.raw("‹SAVEPOINT› a")'),
    flagged('a placeholder for the name', 'await trx.raw("‹SAVEPOINT› ??", [name])'),
    flagged("pg's query", 'await client.query("‹SAVEPOINT› a")'),
    flagged("pg's query with an object", 'await client.query({ text: "‹SAVEPOINT› a", values: [] })'),
    flagged(
      "pg's query with an object in a constant",
      'const query = { text: "‹SAVEPOINT› a" }; await client.query(query)',
    ),
    flagged('a template with a hole', 'await trx.raw(`‹SAVEPOINT› ${name}`)'),
    flagged('a hole within a word', 'await trx.raw(`‹SAVEPOINT› level_${name}`)'),
    flagged('a tagged template', 'await sql`‹SAVEPOINT› a`'),
    flagged('a tagged template with a hole before', 'await sql`SELECT ${name}; ‹RELEASE› a`'),
    flagged('a concatenation', 'await trx.raw("‹SAVEPOINT›" + " " + name)'),
    flagged(
      'a concatenation of many',
      `await trx.raw("SELECT 1" ${'+ ";SELECT 1"'.repeat(100)} + "; ‹SAVEPOINT›" + " " + "a")`,
    ),
    flagged(
      'a concatenation of many choices',
      `declare const yes: boolean; await trx.raw("‹SAVEPOINT› a" ${'+ (yes ? "b" : "c")'.repeat(40)})`,
    ),
    flagged('a comment in a hole', 'await trx.raw(`SELECT ${name /* } */}; ‹SAVEPOINT› a`)'),
    flagged('an object in a hole', 'await sql`SELECT ${{ a: { b: 1 } }}; ‹SAVEPOINT› a ${name}`'),
    flagged('String.raw', "await trx.raw(String.raw`SELECT '\\u'; ‹SAVEPOINT› a`)"),
    flagged("pg's query with a quoted key", 'await client.query({ "text": "‹SAVEPOINT› a" })'),
    flagged(
      'a property of a constant of a checked type',
      'const SQL = { open: "‹SAVEPOINT› a" } as const satisfies object; await trx.raw(SQL.open)',
    ),
    flagged('a constant', 'const OPEN_SCOPE = "‹SAVEPOINT› a"; await trx.raw(OPEN_SCOPE)'),
    flagged(
      'a constant, used twice and reported once',
      'const OPEN_SCOPE = "‹SAVEPOINT› a"; await trx.raw(OPEN_SCOPE); await trx.raw(OPEN_SCOPE)',
    ),
    flagged(
      'a property of a constant',
      'const SQL = { open: `‹SAVEPOINT› a` } as const; await trx.raw(SQL.open)',
    ),
    flagged(
      'a word that a constant begins and a template ends',
      'const VERB = "‹SAVE"; await trx.raw(`${VERB}POINT› a`)',
    ),
    flagged('a constant of another file', 'await trx.raw(‹OPEN›)'),
    flagged('a property of a constant of another file', 'await trx.raw(‹statements.release›)'),
    flagged(
      'a constant of another file, by a pattern',
      'const { release } = statements; await trx.raw(‹release›)',
    ),
    flagged('a constant of another file in a hole', 'await trx.raw(‹`SELECT 1; ${OPEN}`›)'),
    flagged(
      "a constant of a class's",
      'class S { private readonly undoSql = "ROLLBACK TO a"; run() { return trx.raw(‹this.undoSql›) } }',
    ),
    flagged('a choice', 'declare const deep: boolean; await trx.raw(deep ? "‹SAVEPOINT› a" : "SELECT 1")'),
    flagged('escapes before the words', 'await trx.raw("SELECT \'\\u00e9\\n\\t\\x41\'; ‹SAVEPOINT› a")'),
    flagged('a line broken in the source', 'await trx.raw("SELECT 1; \\\n ‹SAVEPOINT› a")'),
    flagged('letters beyond ASCII', 'await trx.raw("SELECT \'é😀\'; ‹SAVEPOINT› \\"ü\\"")'),
    flagged('several lines', 'await trx.raw(`\n  -- first\n  ‹ROLLBACK\n  TO› a\n`)'),
  ],
})

untyped.run('no-savepoint, without types', rule, {
  valid: [
    'await trx.savepoint("a").execute()',
    'await sql.savepoint(async (inner) => { await inner.savepoint(work) })',
    'import { Kysely } from "kysely"; await trx.savepoint(work)',
    'import mysql from "mysql2/promise"; await connection.query("SAVEPOINT a")',
    'await trx.raw("SELECT 1")',
    'trx.raw(); raw(...args); sql()',
  ],
  invalid: [
    { code: 'await trx.savepoint(async (inner) => {})', errors: [{ messageId: 'method' }] },
    { code: 'await knex.transaction((t) => t.savepoint(work))', errors: [{ messageId: 'method' }] },
    {
      code: 'await trx.savepoint(async (inner) => { await inner.savepoint(work) })',
      errors: [
        {
          messageId: 'method',
          suggestions: [
            {
              messageId: 'useOuterUncaught',
              output: 'await (async (inner) => { await inner.savepoint(work) })(trx)',
            },
          ],
        },
        { messageId: 'method' },
      ],
    },
    { code: 'await trx.raw(`SELECT ${name /* } */}; SAVEPOINT a`)', errors: [{ messageId: 'statement' }] },
    { code: 'await db.query("SAVEPOINT a")', errors: [{ messageId: 'statement' }] },
    {
      code: 'const { query } = require("./db"); await query("ROLLBACK TO a")',
      errors: [{ messageId: 'statement' }],
    },
  ],
})
