import rule from '../../src/rules/no-unpublished-statement.ts'
import { flagged as flaggedAs, measured, silent } from '../knex-code.ts'
import { typed, untyped } from '../rule-tester.ts'

const flagged = (name: string, body: string) => flaggedAs(name, body, 'unpublished')

typed.run('no-unpublished-statement, with types', rule, {
  valid: [
    silent(
      'what AWS names as forwarded',
      'await trx.raw("UPDATE t SET a = 1"); await trx.raw("SELECT 1 FOR UPDATE")',
    ),
    silent('what AWS refuses', 'await trx.raw("TRUNCATE t"); await trx.raw("FETCH c")'),
    silent(
      'what other rules are about',
      'await trx.raw("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING"); await trx.raw("SELECT pg_advisory_lock(1)")',
    ),
    silent(
      'a common table expression that reads',
      'await trx.with("a", trx("t").select("b")).select("*").from("a"); await trx.raw("WITH a AS (SELECT 1) SELECT * FROM a")',
    ),
    silent(
      "another object's with",
      'declare const logger: { with(a: string, b: unknown): void; insert(): number }; logger.with("a", logger.insert())',
    ),
    silent('a text that is not SQL', 'await client.query("with love"); await client.query("do it")'),
    {
      ...silent('what a profile has measured', 'knex("t").stream(); await trx.raw("DO $$ BEGIN END $$")'),
      ...measured({
        'portal-fetch': { verdict: 'local', known: 'measured' },
        'do-block': { verdict: 'refuse', known: 'measured' },
      }),
    },
    {
      ...silent(
        'what only ever talks to the writer',
        'const writer = knex; writer.with("a", writer("t").del()).select(); writer("t").stream()',
      ),
      settings: { 'knex-flatten': { writerOnly: ['writer'] } },
    },
  ],
  invalid: [
    flagged(
      'a common table expression that writes',
      'await trx.raw("WITH a AS (‹DELETE› FROM t RETURNING *) SELECT * FROM a")',
    ),
    flagged('DO', 'await client.query("‹DO› $$ BEGIN PERFORM 1; END $$")'),
    flagged(
      'with of a query that writes',
      'await trx.‹with›("a", trx("t").del().returning("*")).select("*").from("a")',
    ),
    flagged(
      'with of a callback that writes',
      'await trx.‹with›("a", (query) => query.insert({ b: 1 }).into("t").returning("*")).select("*").from("a")',
    ),
    flagged(
      'with of SQL that writes',
      'await trx.‹with›("a", trx.raw("DELETE FROM t RETURNING *")).select("*").from("a")',
    ),
    flagged('withRaw', 'await trx.‹withRaw›("a", "delete from t returning *").select("*").from("a")'),
    flagged('a stream', 'trx("t").‹stream›()'),
    flagged('a cursor of pg', 'import Cursor from "pg-cursor"; client.query(new ‹Cursor›(name))'),
  ],
})

untyped.run('no-unpublished-statement, without types', rule, {
  valid: ['logger.with("a", b.insert()).from("c")', 'db.with("a", () => {})', 'x.with("a", b.update(c))'],
  invalid: [
    {
      code: 'db.with("a", db("t").update({ b })).select().from("a")',
      errors: [{ messageId: 'unpublished' }],
    },
    { code: 'db("t").stream()', errors: [{ messageId: 'unpublished' }] },
  ],
})
