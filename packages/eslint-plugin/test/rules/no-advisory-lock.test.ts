import rule from '../../src/rules/no-advisory-lock.ts'
import { flagged as flaggedAs, measured, silent } from '../knex-code.ts'
import { typed, untyped } from '../rule-tester.ts'

const flagged = (name: string, body: string, messageId: 'excludesNobody' | 'refused' = 'excludesNobody') =>
  flaggedAs(name, body, messageId)

typed.run('no-advisory-lock, with types', rule, {
  valid: [
    silent(
      'row locks',
      'await trx("t").where({ id: 1 }).forUpdate(); await trx.raw("SELECT 1 FROM t FOR UPDATE")',
    ),
    silent('the name in a value', `await trx.raw("SELECT 'pg_advisory_lock(1)'")`),
    silent(
      'a look at the locks',
      `await trx.raw("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")`,
    ),
    {
      ...silent(
        'what a profile has measured to be forwarded',
        'await trx.raw("SELECT pg_advisory_xact_lock(1)")',
      ),
      ...measured({ 'advisory-lock': { verdict: 'forward', known: 'measured' } }),
    },
    {
      ...silent(
        'what only ever talks to the writer',
        'const writer = knex; await writer.raw("SELECT pg_advisory_lock(1)")',
      ),
      settings: { 'knex-flatten': { writerOnly: ['writer'] } },
    },
  ],
  invalid: [
    flagged('a lock', 'await trx.raw("select ‹pg_advisory_xact_lock›(:type, :id)", { type: 1, id: 2 })'),
    flagged("a lock by pg's client", 'await client.query("SELECT ‹pg_try_advisory_lock›($1)", [1])'),
    flagged(
      'a lock that is let go',
      'await client.query({ text: "SELECT ‹pg_advisory_unlock›($1)", values: [1] })',
    ),
    flagged('a lock with a hash', 'await trx.raw(`SELECT ‹pg_advisory_xact_lock›(hashtext(${name}))`)'),
    flagged(
      'a lock in a part of a query',
      'await trx.select(trx.raw("‹pg_advisory_xact_lock›(?)", [1])); await trx("t").whereRaw("‹pg_try_advisory_xact_lock›(id)")',
    ),
    flagged(
      'a lock in a statement that writes',
      'await trx.raw("INSERT INTO t SELECT ‹pg_advisory_xact_lock›(1)")',
    ),
    {
      ...flagged(
        'a lock that is known to stay on the reader',
        'await trx.raw("SELECT ‹pg_advisory_lock›(1)")',
      ),
      ...measured({ 'advisory-lock': { verdict: 'local', known: 'measured' } }),
    },
    {
      ...flagged('a lock that a profile refuses', 'await trx.raw("SELECT ‹pg_advisory_lock›(1)")', 'refused'),
      ...measured({ 'advisory-lock': { verdict: 'refuse', known: 'measured' } }),
    },
  ],
})

untyped.run('no-advisory-lock, without types', rule, {
  valid: ['await db.raw("SELECT 1")'],
  invalid: [{ code: 'await sql`SELECT pg_advisory_lock(${id})`', errors: [{ messageId: 'excludesNobody' }] }],
})
