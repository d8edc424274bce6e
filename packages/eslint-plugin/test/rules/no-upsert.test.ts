import rule from '../../src/rules/no-upsert.ts'
import { typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
import type { Client } from 'pg'
declare const knex: Knex
declare const trx: Knex.Transaction
declare const client: Client
class User extends Model { id!: number }
const row = { id: 1 }
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

/** The words underlined stand between ‹ and ›. */
function flagged(
  name: string,
  body: string,
  messageId: 'unpublished' | 'refused' | 'insertCatch' | 'findThenInsert' = 'unpublished',
) {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId, ...place }] }
}

type Form = 'ignore' | 'merge' | 'raw' | 'merge-statement' | 'find-then-insert' | 'insert-catch'
const allowing = (form: Form, body: string) => ({
  ...silent(`${form}, where it is allowed`, body),
  options: [{ allow: [form] }] as [{ allow: Form[] }],
})

const insertCatch =
  'try { await trx("users").insert(row) } catch (error: any) { if (error.code !== ‹"23505"›) throw error }'
const findThenInsert =
  'const user = await trx("users").where({ id: 1 }).first(); if (!user) await trx("users").‹insert›(row)'
const plain = (body: string) => body.replaceAll(/[‹›]/gu, '')

typed.run('no-upsert, with types', rule, {
  valid: [
    silent(
      'what goes on behind something else',
      'interface Own { getOne(text: string): Promise<void> } declare const own: Knex & Own; await own.getOne(`${row} about a conflict`); await own.getOne(`${row}on conflict do nothing`); await own.getOne(`on conflict do nothing ${row}`)',
    ),
    silent('a plain insert', 'await trx("users").insert(row)'),
    silent(
      "another object's merge and ignore",
      'declare const _: { merge(a: object): object; ignore(): void }; _.merge({}); _.ignore()',
    ),
    silent(
      "Kysely's onConflict",
      'interface B { onConflict(f: (oc: object) => object): { merge(): void } } declare const b: B; b.onConflict((oc) => oc).merge()',
    ),
    silent(
      'a builder of no package in sight but of another name',
      'import type { Cursor } from "pg"; declare const text: string; text.concat("on conflict")',
    ),
    silent('the words in a value', `await trx.raw("SELECT 'ON CONFLICT', 'MERGE'")`),
    silent(
      'a unique violation that is thrown again',
      'try { await trx("users").insert(row) } catch (error: any) { if (error.code === "23505") throw new Error("taken"); throw error }',
    ),
    silent(
      'a unique violation that ends the transaction',
      'try { await trx("users").insert(row) } catch (error: any) { if (error.code === "23505") await trx.rollback(error); else throw error }',
    ),
    silent(
      'a unique violation outside of any transaction',
      'try { await knex("users").insert(row) } catch (error: any) { if (error.code !== "23505") throw error }',
    ),
    silent(
      'a whole transaction in the try block',
      'try { await knex.transaction(async (t) => { await t("users").insert(row) }) } catch (error: any) { if (error.code !== "23505") throw error }',
    ),
    silent(
      'another error caught',
      'try { await trx("users").insert(row) } catch (error: any) { if (error.code !== "23503") throw error }',
    ),
    silent(
      'a promise that is rejected again',
      'await trx("users").insert(row).catch((error) => error.code === "23505" ? Promise.reject(new Error("taken")) : Promise.reject(error))',
    ),
    silent(
      'an insert that resolves its conflict, with a catch',
      'const f = async (t: Knex.Transaction) => { try { await t("users").insert(row) } catch { } }',
    ),
    silent(
      'a lookup in another table',
      'const team = await trx("teams").where({ id: 1 }).first(); if (!team) await trx("users").insert(row)',
    ),
    silent(
      'a lookup that must have found something',
      'const user = await trx("users").where({ id: 1 }).first(); if (!user) throw new Error("no"); await trx("users").insert(row)',
    ),
    silent(
      'an insert that does not depend on the lookup',
      'const user = await trx("users").where({ id: 1 }).first(); await trx("users").insert({ id: user ? 2 : 3 })',
    ),
    silent(
      'an insert where something was found',
      'const user = await trx("users").where({ id: 1 }).first(); if (user) await trx("users").insert(row)',
    ),
    silent(
      'a lookup in another function',
      'async function f() { const user = await trx("users").where({ id: 1 }).first(); return user } async function g(user?: object) { if (!user) await trx("users").insert(row) }',
    ),
    silent(
      'an update that found nothing',
      'const count = await trx("users").where({ id: 1 }).update(row); if (!count) await trx("users").insert(row)',
    ),
    silent(
      "another client's builder",
      'interface Table { select(what: string): Promise<object[]>; insert(row: object): Promise<void> } declare const supa: { from(table: string): Table }; const users = await supa.from("users").select("id"); if (users.length === 0) await supa.from("users").insert(row)',
    ),
    silent(
      'a lookup after a lock in the same transaction',
      'async function f(t: Knex.Transaction) { await t("teams").where({ id: 1 }).forUpdate(); const user = await t("users").where({ id: 1 }).first(); if (!user) await t("users").insert(row) }',
    ),
    allowing('ignore', 'await trx("users").insert(row).onConflict("id").ignore()'),
    allowing('merge', 'await trx("users").insert(row).onConflict("id").merge()'),
    allowing('raw', 'await trx.raw("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING")'),
    allowing(
      'merge-statement',
      'await trx.raw("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE")',
    ),
    allowing('insert-catch', plain(insertCatch)),
    allowing('find-then-insert', plain(findThenInsert)),
    {
      ...silent(
        'what a profile has measured to be forwarded',
        'await trx("users").insert(row).onConflict("id").merge(); await trx.raw("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING")',
      ),
      settings: {
        'knex-flatten': {
          profile: {
            name: 'ours',
            extends: 'aws-local',
            verdicts: { 'on-conflict': { verdict: 'forward', known: 'measured' } },
          },
        },
      },
    },
  ],
  invalid: [
    flagged('merge', 'await trx("users").insert(row).‹onConflict›("id").merge()'),
    flagged('ignore', 'await trx("users").insert(row).‹onConflict›(["id"]).ignore().returning("*")'),
    flagged('outside of a transaction too', 'await knex("users").insert(row).‹onConflict›().ignore()'),
    flagged(
      'a builder in a constant',
      'const pending = trx("users").insert(row).onConflict("id"); await pending.‹merge›()',
    ),
    flagged('Objection', 'await User.query(trx).insert(row).‹onConflict›("id").merge()'),
    flagged('raw', 'await trx.raw("INSERT INTO t VALUES (?) ‹ON CONFLICT› (a) DO UPDATE SET a = ?", [1, 2])'),
    flagged("pg's query", 'await client.query("INSERT INTO t VALUES ($1) ‹ON CONFLICT› DO NOTHING", [1])'),
    flagged(
      'a clause after a query that is built elsewhere',
      'await trx.raw("? ‹ON CONFLICT› DO NOTHING", [trx("t").insert(row)])',
    ),
    flagged(
      'a clause after a query that a template holds',
      'await trx.raw(`${trx("t").insert(row).toQuery()} ‹ON CONFLICT› (id) DO NOTHING`)',
    ),
    flagged(
      'a clause that is added to a tagged template',
      'declare const SQL: any; const query = SQL`INSERT INTO t (a) VALUES (${row})`; query.append(` ‹ON CONFLICT› (a) DO NOTHING`); await client.query(query)',
    ),
    flagged(
      "a method of one's own",
      'interface Own { getOne(text: string, bindings: object): Promise<void> } declare const own: Knex & Own; await own.getOne("insert into t (a) values (:a) ‹on conflict› do nothing returning true", { a: 1 })',
    ),
    flagged(
      'what goes on behind an INSERT that was made elsewhere, in a method of their own',
      'interface Own { getOne(text: string): Promise<void> } declare const own: Knex & Own; await own.getOne(`${knex("t").insert({}).toString()}\n  ‹on conflict› do nothing returning *`)',
    ),
    flagged(
      'a clause behind a builder that becomes a text',
      'const insert = trx("t").insert(row).toString(); await trx.raw(`${insert} ‹on conflict› do nothing returning *`)',
    ),
    flagged(
      'inside a common table expression',
      'await trx.raw("WITH x AS (INSERT INTO t VALUES (1) ‹ON CONFLICT› DO NOTHING RETURNING a) SELECT * FROM x")',
    ),
    flagged(
      'MERGE',
      'await trx.raw("‹MERGE› INTO t USING s ON t.a = s.a WHEN NOT MATCHED THEN INSERT VALUES (1)")',
    ),
    {
      ...flagged(
        'what a profile refuses',
        'await trx("users").insert(row).‹onConflict›("id").merge()',
        'refused',
      ),
      settings: {
        'knex-flatten': {
          profile: {
            name: 'ours',
            extends: 'aws-local',
            verdicts: { 'on-conflict': { verdict: 'refuse', known: 'measured' } },
          },
        },
      },
    },
    flagged('a unique violation that is swallowed', insertCatch, 'insertCatch'),
    {
      name: 'an insert and its conflict in sight, with what to do without an error',
      code: within(
        'try { await trx("users").insert({ id: 1 }) } catch (error: any) { if (error.code !== "23505") throw error }',
      ),
      errors: [
        {
          messageId: 'insertCatch',
          suggestions: [
            {
              messageId: 'useTryInsert',
              output: within('await tryInsert(trx, "users", { id: 1 })').replace(
                "from 'pg'\n",
                "from 'pg'\nimport { tryInsert } from 'knex-flatten'\n",
              ),
            },
          ],
        },
      ],
    },
    {
      name: 'a lookup and an insert in sight, with what to do in one',
      code: within(
        'const user = await trx("users").where({ id: 1 }).first(); if (!user) await trx("users").insert({ id: 1 })',
      ),
      errors: [
        {
          messageId: 'findThenInsert',
          suggestions: [
            {
              messageId: 'useGetOrCreate',
              output: within('await getOrCreate(trx, "users", { id: 1 });').replace(
                "from 'pg'\n",
                "from 'pg'\nimport { getOrCreate } from 'knex-flatten'\n",
              ),
            },
          ],
        },
      ],
    },
    flagged(
      'a unique violation that leads to an update',
      'try { await trx("users").insert(row) } catch (error: any) { if (error.code === ‹"23505"›) { await trx("users").update(row) } else { throw error } }',
      'insertCatch',
    ),
    flagged(
      'a unique violation that leads to a return',
      'async function f(t: Knex.Transaction) { try { await t("users").insert(row) } catch (error: any) { if (error.code === ‹"23505"›) return null; throw error } }',
      'insertCatch',
    ),
    flagged(
      "a library's class of it",
      'class UniqueViolationError extends Error {} try { await trx("users").insert(row) } catch (error) { if (!(error instanceof ‹UniqueViolationError›)) throw error }',
      'insertCatch',
    ),
    flagged(
      'a question of several parts',
      'try { await trx("users").insert(row) } catch (error: any) { if (error instanceof Error && error.message.includes(‹"duplicate key"›)) { return_() } else throw error } declare function return_(): void',
      'insertCatch',
    ),
    flagged(
      'a promise that is caught',
      'await trx("users").insert(row).catch((error) => { if (error.code !== ‹"23505"›) throw error })',
      'insertCatch',
    ),
    flagged(
      'a promise that comes to a value',
      'await trx("users").insert(row).catch((error) => error.code === ‹"23505"› ? null : Promise.reject(error))',
      'insertCatch',
    ),
    flagged(
      'an insert that names its transaction',
      'try { await knex("users").insert(row).transacting(trx) } catch (error: any) { if (error.code !== ‹"23505"›) throw error }',
      'insertCatch',
    ),
    flagged(
      'an insert of Objection',
      'try { await User.query(trx).insert(row) } catch (error: any) { if (error.code !== ‹"23505"›) throw error }',
      'insertCatch',
    ),
    flagged('a lookup, then an insert', findThenInsert, 'findThenInsert'),
    flagged(
      'a lookup that locks only what it finds',
      'const user = await trx("users").where({ id: 1 }).forUpdate().first(); if (!user) await trx("users").‹insert›(row)',
      'findThenInsert',
    ),
    flagged(
      'a lookup after a lock elsewhere',
      'async function f() { await trx("teams").forUpdate() } await knex("teams").forUpdate(); const user = await trx("users").where({ id: 1 }).first(); if (!user) await trx("users").‹insert›(row)',
      'findThenInsert',
    ),
    flagged(
      'an early return of what was found',
      'async function f() { const user = await knex("users").where({ id: 1 }).first(); if (user) return user; const [made] = await knex("users").‹insert›(row).returning("*"); return made }',
      'findThenInsert',
    ),
    flagged(
      'a variable that both may set',
      'async function f() { let user = await knex("users").where({ id: 1 }).first(); if (!user) { [user] = await knex("users").‹insert›(row).returning("*") } return user }',
      'findThenInsert',
    ),
    flagged(
      'a short circuit',
      'async function f() { const user = await knex("users").where({ id: 1 }).first(); return user ?? (await knex("users").‹insert›(row)) }',
      'findThenInsert',
    ),
    flagged(
      'rows that are counted',
      'const users = await trx("users").select("id").where({ id: 1 }); if (users.length === 0) await trx("users").‹insert›(row)',
      'findThenInsert',
    ),
    flagged(
      'the first of the rows',
      'const [user] = await trx.select("*").from("users").where({ id: 1 }); if (user === undefined) await trx.‹insert›(row).into("users")',
      'findThenInsert',
    ),
    flagged(
      'Objection: a lookup, then an insert',
      'const user = await User.query(trx).findById(1); if (!user) await User.query(trx).‹insert›(row)',
      'findThenInsert',
    ),
  ],
})

untyped.run('no-upsert, without types', rule, {
  valid: [
    'await trx("t").insert(row)',
    '_.merge({}, {}); stream.ignore()',
    'await db.insertInto("t").onConflict((oc) => oc.doNothing()).execute()',
    'try { await insertUser(db) } catch (e) { if (e.code !== "23505") throw e }',
    'try { await db("users").insert(row) } catch (e) { if (e.code !== "23505") throw e }',
  ],
  invalid: [
    { code: 'await db("t").insert(row).onConflict("id").merge()', errors: [{ messageId: 'unpublished' }] },
    {
      code: 'await db`x`; await sql`insert into t values (${1}) on conflict do nothing`',
      errors: [{ messageId: 'unpublished' }],
    },
    {
      code: 'await knex.transaction(async (t) => { try { await t("users").insert(row) } catch (e) { if (e.code !== "23505") throw e } })',
      errors: [{ messageId: 'insertCatch' }],
    },
    {
      code: 'const user = await db("users").where({ id }).first(); if (user == null) await db("users").insert(row)',
      errors: [{ messageId: 'findThenInsert' }],
    },
  ],
})
