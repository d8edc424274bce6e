import { join } from 'node:path'
import { supportTable } from '@knex-flatten/sql-support'
import rule from '../../src/rules/no-unsupported-statement.ts'
import { flagged as flaggedAs, measured, silent } from '../knex-code.ts'
import { fixtures } from '../lint.ts'
import { typed, untyped } from '../rule-tester.ts'

const flagged = (name: string, body: string, messageId: 'refused' | 'userFunction' = 'refused') =>
  flaggedAs(name, body, messageId)

typed.run('no-unsupported-statement, with types', rule, {
  valid: [
    silent(
      'reads, writes and row locks',
      'await trx.raw("SELECT * FROM t FOR UPDATE"); await client.query("DELETE FROM t")',
    ),
    silent(
      "PostgreSQL's own functions",
      'await trx.raw("SELECT lower(a), count(*), jsonb_agg(b) FROM t WHERE now() > c")',
    ),
    silent(
      'what other rules are about',
      'await trx.raw("SAVEPOINT a"); await trx.raw("FETCH c"); await trx.raw("SELECT pg_advisory_lock(1)"); await trx.raw("BEGIN ISOLATION LEVEL SERIALIZABLE")',
    ),
    silent(
      'what nobody has published',
      'await trx.raw("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a"); await trx.raw("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING")',
    ),
    silent('migrations on an open transaction, which another rule is about', 'await trx.migrate.latest()'),
    silent(
      'questions to the schema',
      'await knex.schema.hasTable("t"); await knex.schema.hasColumn("t", "a"); await knex.migrate.currentVersion()',
    ),
    silent(
      "another library's truncate",
      'declare const _: { truncate(text: string): string }; _.truncate("a"); import { truncate } from "node:fs"; truncate("a", () => {})',
    ),
    silent(
      "another library's schema builder",
      'declare const db: { schema: { createTable(name: string): void } }; db.schema.createTable("t")',
    ),
    silent('words in values and comments', `await trx.raw("SELECT 'TRUNCATE t' -- LOCK t")`),
    silent(
      'text that is not SQL',
      'await client.query("create the table, please"); declare const api: { query(text: string): void }; api.query("query { drop(id: 1) { id } }")',
    ),
    silent("MySQL's SQL", 'await trx.raw("ALTER TABLE `t` ADD INDEX (`a`)")'),
    silent(
      'a function whose name is not all there',
      'await trx.raw(`SELECT ${name}_agg(a), jsonb_${name}(b), ${name}(c) FROM t`)',
    ),
    silent('a name in a placeholder', 'await trx.raw("SELECT ??(1)", [name])'),
    silent(
      'part of a query that computes',
      'await trx("t").whereRaw("lower(a) = ?", [name]).orderByRaw("random()").havingRaw("count(*) > 1")',
    ),
    silent(
      'a property that something spread may replace',
      'declare const more: { clear: string }; const STATEMENTS = { clear: "TRUNCATE t", ...more }; await trx.raw(STATEMENTS.clear)',
    ),
    silent(
      'a text that is only handed to a log',
      'console.log("TRUNCATE t"); declare const logger: { info(a: string): void }; logger.info("LOCK TABLE t")',
    ),
    silent(
      'a file that is not there, or no SQL',
      'await trx.raw(readFileSync(join(__dirname, "services/none.sql"), "utf8")); await trx.raw(readFileSync(name, "utf8"))',
    ),
    {
      ...silent(
        'functions that are allowed',
        'await trx.raw("SELECT my_func(1), ext.\\"Other\\"(2), st_x(a), public.ST_Y(a) FROM t")',
      ),
      options: [{ functions: ['MY_FUNC', 'other', 'st_*'] }],
    },
    {
      ...silent(
        'what a profile has measured to work',
        'await trx.raw("LOCK TABLE t"); await trx("t").truncate()',
      ),
      ...measured({
        'lock-table': { verdict: 'forward', known: 'measured' },
        truncate: { verdict: 'forward', known: 'measured' },
      }),
    },
    {
      ...silent(
        'what only ever talks to the writer',
        'const { adminDb } = { adminDb: knex }; await adminDb.raw("TRUNCATE t"); await adminDb("t").truncate(); await adminDb.schema.dropTable("t"); await adminDb.migrate.latest()',
      ),
      settings: { 'knex-flatten': { writerOnly: ['adminDb'] } },
    },
  ],
  invalid: [
    flagged('LOCK', 'await trx.raw("‹LOCK› TABLE users IN SHARE ROW EXCLUSIVE MODE")'),
    flagged('SET CONSTRAINTS', 'await client.query("‹SET CONSTRAINTS› ALL DEFERRED")'),
    flagged('TRUNCATE', 'await knex.raw("‹truncate› t, u RESTART IDENTITY CASCADE")'),
    flagged(
      'several statements, each at its keyword',
      'await knex.raw(`‹DROP› SCHEMA public CASCADE; ‹CREATE› SCHEMA public; ‹GRANT› ALL ON SCHEMA public TO someone`)',
    ),
    flagged('a hole in a quoted name', 'await knex.raw(`‹DROP› TABLE IF EXISTS "${name}" CASCADE`)'),
    flagged('a hole in a quoted value', "await knex.raw(`‹PREPARE TRANSACTION› '${name}';`)"),
    flagged('LISTEN', 'await client.query(`‹LISTEN› ${name}`)'),
    flagged('maintenance', 'await knex.raw("‹VACUUM› ANALYZE events;"); await knex.raw("‹REINDEX› TABLE t")'),
    flagged('a temporary table', 'await trx.raw("CREATE ‹TEMP› TABLE a (b int)")'),
    flagged('SELECT INTO', 'await trx.raw("SELECT * ‹INTO› a FROM b")'),
    flagged(
      'an exception block',
      'await trx.raw("DO $$ BEGIN NULL; ‹EXCEPTION› WHEN others THEN NULL; END $$")',
    ),
    flagged('a sequence', `await client.query("SELECT ‹nextval›('a_seq')")`),
    flagged('a sequence in a value', `await trx("t").insert({ id: trx.raw("‹nextval›('a_seq')") })`),
    flagged(
      'functions that need a writer',
      'await trx.raw("SELECT ‹txid_current›()"); await trx.raw("SELECT ‹lo_unlink›(1)"); await trx.raw("SELECT ‹pg_notify›(?, ?)", [name, name])',
    ),
    flagged("a user's function", 'await trx.raw("SELECT ‹confirm_invoice›(?, ?)", [1, 2])', 'userFunction'),
    flagged("a user's procedure", 'await SQL`call ‹api_delete›(${name})`', 'userFunction'),
    flagged(
      'a function of a schema',
      "await client.query(`SELECT * FROM ‹ext.some_fn›('${name}')`)",
      'userFunction',
    ),
    flagged(
      'a function in a condition',
      'await trx("t").whereRaw("‹similarity›(a, ?) > 0.5", [name])',
      'userFunction',
    ),
    flagged(
      'functions in other parts of a query',
      'await trx("t").orderByRaw("‹f›(a) desc").groupByRaw("‹g›(a)").havingRaw("‹h›(a) > 1").joinRaw("JOIN ‹i›() AS x ON true")',
      'userFunction',
    ),
    flagged("a function in Objection's raw", 'await User.query().select(raw("‹f›(id)"))', 'userFunction'),
    flagged(
      'COPY',
      'import { from as copyFrom } from "pg-copy-streams"; client.query(copyFrom("‹COPY› t FROM STDIN"))',
    ),
    flagged(
      'the text of a cursor',
      'import Cursor from "pg-cursor"; client.query(new Cursor("SELECT ‹f›(a) FROM t"))',
      'userFunction',
    ),
    flagged('truncate of Knex', 'await knex("t").‹truncate›(); await User.query().‹truncate›()'),
    flagged(
      'truncate of a builder that another function makes',
      'declare function users(): Knex.QueryBuilder; await users().‹truncate›()',
    ),
    flagged(
      'the schema builder',
      'await knex.schema.withSchema("a").‹createTable›("t", () => {}).‹dropTable›("u"); await trx.schema["‹alterTable›"]("t", () => {})'.replace(
        '["‹alterTable›"]',
        '.‹alterTable›',
      ),
    ),
    flagged(
      'a schema builder that is handed over',
      'function f(schema: Knex.SchemaBuilder) { return schema.‹table›("t", () => {}) }',
    ),
    flagged('raw of the schema builder', 'await knex.schema.raw("‹CREATE› EXTENSION a")'),
    flagged('migrations', 'await knex.migrate.‹latest›()'),
    flagged('an array that is joined', 'await trx.raw(["‹LOCK› TABLE", name, "IN SHARE MODE"].join(" "))'),
    flagged(
      'an array of what is there, joined',
      'await trx.raw(["SELECT 1;", yes && "SELECT 2;", "‹TRUNCATE› t"].filter(Boolean).join("\\n"))',
    ),
    flagged(
      "a text of pg-format's",
      'await trx.raw(format("SELECT ‹f›(%L, %I) FROM %s", name, name, name))',
      'userFunction',
    ),
    flagged(
      'a text that grows',
      'let text = "SELECT 1"; text += "; ‹TRUNCATE› t"; if (yes) text += " CASCADE"; await trx.raw(text)',
    ),
    flagged(
      'a text that grows here and there',
      'let text = "SELECT 1"; for (const a of [1]) text += " + 1"; if (yes) { text += "; ‹TRUNCATE› t" } await trx.raw(text)',
    ),
    flagged(
      'a text that grows in a loop, which adds nobody knows what',
      'let text = "SELECT 1 WHERE 1 IN ("; for (const a of [1]) text += "1, "; text += "); ‹TRUNCATE› t"; await trx.raw(text)',
    ),
    flagged(
      'a text that is chosen',
      'let text; if (yes) text = "SELECT 1"; else text = "‹TRUNCATE› t"; await trx.raw(text)',
    ),
    flagged('a template with a choice', 'await trx.raw(`SELECT 1 ${yes ? "" : "; ‹TRUNCATE› t"}`)'),
    flagged(
      'a text that a function gives back',
      'const truncating = (table: string) => `‹TRUNCATE› ${table}`; await trx.raw(truncating(name))',
    ),
    flagged(
      'a frozen constant',
      'const STATEMENTS = Object.freeze({ clear: "‹TRUNCATE› t" }); await trx.raw(STATEMENTS.clear.trim())',
    ),
    flagged(
      'a tagged template that is added to',
      'const query = SQL`SELECT 1`; query.append(`; SELECT 2`).append(SQL`; ‹TRUNCATE› t`); await client.query(query)',
    ),
    flagged(
      'a property behind what is spread',
      'const more = {}; const STATEMENTS = { ...more, clear: "‹TRUNCATE› t" }; await trx.raw(STATEMENTS.clear)',
    ),
    flagged('a layout tag', 'declare const dedent: any; await trx.raw(dedent`\n  ‹TRUNCATE› t`)'),
    flagged(
      "a method of one's own",
      'await (trx as any as { trx: { getOne(text: string): void } }).trx.getOne("‹TRUNCATE› t")',
    ),
    flagged('a file of SQL', 'await trx.raw(readFileSync(‹join(__dirname, "services/undo.sql")›, "utf8"))'),
    flagged(
      'a file of SQL beside this one',
      'await trx.raw(await readFile(‹new URL("./services/undo.sql", import.meta.url)›, "utf8"))',
    ),
    {
      ...flagged('what a profile refuses', 'await trx.raw("SELECT * FROM t ‹FOR UPDATE›")'),
      ...measured({ 'row-lock': { verdict: 'refuse', known: 'measured' } }),
    },
  ],
})

const because = (row: 'truncate' | 'reindex') => ({
  why: supportTable[row].why,
  instead: supportTable[row].instead,
})

untyped.run('no-unsupported-statement, without types', rule, {
  valid: [
    'import { Kysely } from "kysely"; db.schema.createTable("t")',
    'db.collection("t").truncate(); s.truncate(10); array.table("t"); x.up(); schema.createTable()',
    'await User.truncate(); stream.truncate()',
    { code: 'await knex.schema.createTable("t")', filename: 'migrations/1.ts' },
    'raw(); trx.raw(); trx.raw(...texts); sql``; new Query(); [].join(); db.append("a").append()',
    'import Database from "better-sqlite3"; db.query("TRUNCATE t")',
    'const a = b.c; const b = a.c; trx.raw(a); const f = () => f() + f(); trx.raw(f()); let t = t; t += t; trx.raw(t)',
    'new URL("./x.sql"); trx.raw(readFileSync(new URL("./x.sql", import.meta.url))); trx.raw(readFileSync(`${x}.sql`))',
  ],
  invalid: [
    { code: 'await db("t").where({ a }).truncate()', errors: [{ messageId: 'refused', column: 28 }] },
    { code: 'await this.db.schema.dropTable("t")', errors: [{ messageId: 'refused' }] },
    {
      code: 'const { schema } = x; const s = knex.schema; await s.dropTable("t")',
      errors: [{ messageId: 'refused' }],
    },
    { code: 'await this.database.getOne(`truncate t`)', errors: [{ messageId: 'refused' }] },
    { code: 'await db.migrate.latest()', errors: [{ messageId: 'refused' }] },
    { code: 'await pool.query(new Query("TRUNCATE t"))', errors: [{ messageId: 'refused' }] },
    {
      name: 'why, and how it is known: documented',
      code: 'knex.raw("TRUNCATE t")',
      errors: [
        {
          messageId: 'refused',
          data: { words: 'TRUNCATE', known: 'documented by AWS', ...because('truncate') },
        },
      ],
    },
    {
      name: 'why, and how it is known: assumed',
      code: 'knex.raw("REINDEX TABLE t")',
      errors: [
        {
          messageId: 'refused',
          data: { words: 'REINDEX', known: 'assumed: AWS does not say so', ...because('reindex') },
        },
      ],
    },
    {
      name: 'why, and how it is known: by a profile',
      code: 'knex.raw("TRUNCATE t")',
      ...measured({ truncate: { verdict: 'refuse', known: 'measured' } }),
      errors: [
        {
          messageId: 'refused',
          data: { words: 'TRUNCATE', known: 'measured, by the profile "ours"', ...because('truncate') },
        },
      ],
    },
    {
      name: 'the name of a function as it is written',
      code: 'knex.raw("select  Ext.my_func (1)")',
      errors: [
        {
          messageId: 'userFunction',
          data: { words: 'Ext.my_func()', instead: supportTable['user-function'].instead },
        },
      ],
    },
    {
      name: 'functions within each other, told once',
      code: 'knex("t").whereRaw("st_within(st_point(?, ?), st_buffer(st_point(a, b), 1))"); knex.raw("SELECT f(), g()")',
      errors: [
        {
          messageId: 'userFunction',
          data: {
            words: 'st_within(), st_point(), and st_buffer()',
            instead: supportTable['user-function'].instead,
          },
          column: 21,
          endColumn: 30,
        },
        {
          messageId: 'userFunction',
          data: { words: 'f() and g()', instead: supportTable['user-function'].instead },
        },
      ],
    },
    {
      name: 'one of several functions that is not allowed',
      code: 'knex.raw("SELECT f(g(h(1)))")',
      options: [{ functions: ['f', 'h'] }],
      errors: [
        {
          messageId: 'userFunction',
          data: { words: 'g()', instead: supportTable['user-function'].instead },
          column: 20,
        },
      ],
    },
    {
      name: 'the line of a file of SQL',
      code: 'knex.raw(readFileSync(__dirname + "/services/undo.sql"))',
      filename: join(fixtures, 'file.ts'),
      errors: [
        {
          messageId: 'refused',
          data: { words: 'TRUNCATE (undo.sql:4)', known: 'documented by AWS', ...because('truncate') },
          column: 23,
          endColumn: 55,
        },
      ],
    },
  ],
})
