import rule from '../../src/rules/no-swallowed-error.ts'
import { typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { Model } from 'objection'
import type { Client } from 'pg'
declare const knex: Knex
declare const client: Client
declare const logger: { error(...what: unknown[]): void }
declare function save(row: object, trx: Knex.Transaction): Promise<void>
declare function fail(error: unknown): never
declare class NotFound extends Error {}
class User extends Model { id!: number }
const row = { id: 1 }
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

/** The words underlined stand between ‹ and ›. */
function flagged(name: string, body: string, messageId: 'caught' | 'settled' = 'caught') {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId, ...place }] }
}

const inside = (body: string) => `await knex.transaction(async (trx) => { ${body} })`
const tried = (handler: string) => inside(`try { await trx("users").insert(row) } ${handler}`)

const right = [
  silent('a rethrow', tried('catch (error) { logger.error(error); throw error }')),
  silent("a domain's error thrown", tried('catch (error) { throw new NotFound("no") }')),
  silent(
    'an error thrown on every path',
    tried('catch (error) { if (error instanceof NotFound) throw new Error("no"); else throw error }'),
  ),
  silent('a rejected promise returned', tried('catch (error) { return Promise.reject(error) }')),
  silent('a rollback', tried('catch (error) { await trx.rollback(error); return }')),
  silent('a rollback returned', tried('catch (error) { return trx.rollback(error as Error) }')),
  silent(
    'a guarded rollback',
    tried('catch (error) { if (!trx.isCompleted()) { await trx.rollback() } return }'),
  ),
  silent(
    'a rollback that may fail itself',
    tried('catch { try { await trx.rollback() } catch (e) { logger.error(e) } }'),
  ),
  silent(
    'a rollback in the finalizer',
    tried('catch (error) { logger.error(error) } finally { await trx.rollback() }'),
  ),
  silent(
    'an error that is not the database’s, kept from it',
    tried('catch (error) { if (error instanceof NotFound) return null; throw error }'),
  ),
  silent(
    'a code that is not the database’s',
    tried('catch (error: any) { if (error.code === "ENOENT") return null; throw error }'),
  ),
  silent(
    'a switch that throws whatever it is',
    tried(
      'catch (error: any) { switch (error.code) { case "1": throw new Error("a"); default: throw error } }',
    ),
  ),
  silent(
    'a switch that is left for a throw',
    tried(
      'catch (error: any) { switch (error.code) { case "23503": logger.error(error); break; default: throw error } throw error }',
    ),
  ),
  silent('no handler', tried('finally { logger.error("done") }')),
  silent(
    'a catch around the whole transaction',
    `try { ${inside('await trx("users").insert(row)')} } catch (error) { logger.error(error) }`,
  ),
  silent(
    'a catch around a transaction that is started and ended in it',
    `try { const trx = await knex.transaction(); await trx("users").insert(row); await trx.commit() } catch (error) { logger.error(error) }`,
  ),
  silent(
    'the same on a client of pg',
    `try { await client.query("BEGIN"); await client.query("INSERT INTO users VALUES (1)"); await client.query("COMMIT") }
     catch (error) { await client.query("ROLLBACK"); logger.error(error) }`,
  ),
  silent(
    'a promise of the whole transaction',
    `await knex.transaction(async (trx) => { await save(row, trx) }).catch(logger.error)`,
  ),
  silent(
    'nothing of the transaction tried',
    inside('try { JSON.parse("1"); await fetch("http://localhost") } catch {} await save(row, trx)'),
  ),
  silent(
    'another connection tried',
    inside('try { await knex("users").insert(row) } catch {} await save(row, trx)'),
  ),
  silent(
    'what runs after the commit',
    inside('trx.executionPromise.then(async () => { try { await knex("users").insert(row) } catch {} })'),
  ),
  silent(
    'a query behind the end',
    `async function f() { const trx = await knex.transaction(); await trx("a").insert(row); await trx.commit(); try { await knex("a") } catch {} }`,
  ),
  silent(
    'only the commit tried',
    `async function f() { const trx = await knex.transaction(); try { await trx.commit() } catch {} }`,
  ),
  silent(
    'a transaction that may not be there',
    'async function f(trx?: Knex.Transaction) { try { await User.query(trx).insert({}) } catch {} }',
  ),
  silent(
    'a note that ends the transaction further down',
    inside(
      'let failed: unknown; try { await save(row, trx) } catch (error) { failed = error } if (failed) throw failed',
    ),
  ),
  silent(
    'a loop that is left for a rollback',
    `async function f(rows: object[]) {
       const trx = await knex.transaction()
       const errors: unknown[] = []
       for (const each of rows) { try { await save(each, trx) } catch (error) { errors.push(error); break } }
       if (errors.length > 0) { await trx.rollback(); return }
       await trx.commit()
     }`,
  ),
  silent(
    'an error that is returned to whoever handed the transaction over',
    'async function f(trx: Knex.Transaction) { try { await trx("users").insert(row) } catch (error) { return error } }',
  ),
  silent(
    'results that are looked at, and thrown',
    inside(
      'const results = await Promise.allSettled([save(row, trx)]); const bad = results.find((r) => r.status === "rejected"); if (bad) throw new Error("bad")',
    ),
  ),
  silent(
    'a catch of a whole program',
    'declare function begin(): Promise<Knex.Transaction>; async function main() { const trx = await begin(); await trx("users").insert(row); await trx.commit() } main().catch((error) => logger.error(error))',
  ),
  silent(
    'nothing of the transaction settled',
    inside('await Promise.allSettled([fetch("http://localhost")]); await save(row, trx)'),
  ),
  silent(
    'a handler that is not in sight',
    inside('declare const handle: (e: unknown) => void; await save(row, trx).catch(handle)')
      .replace('declare const handle: (e: unknown) => void; ', '')
      .replace('await knex', 'declare const handle: (e: unknown) => void; await knex'),
  ),
  silent(
    'a unique violation of an insert: a matter of no-upsert',
    tried('catch (error: any) { if (error.code !== "23505") throw error }'),
  ),
]

const wrong = [
  flagged('an empty handler', tried('‹catch› {}')),
  flagged('a log', tried('‹catch› (error) { logger.error(error) }')),
  flagged('a value returned', tried('‹catch› (error) { logger.error(error); return false }')),
  flagged(
    'a rethrow on one path',
    tried('‹catch› (error: any) { if (error.message.includes("x")) return; throw error }'),
  ),
  flagged(
    'an error of the database that is let through',
    tried('‹catch› (error: any) { if (error.constraint) { return null } throw error }'),
  ),
  flagged(
    'a switch with a way out',
    tried('‹catch› (error: any) { switch (error.code) { case "23503": break; default: throw error } }'),
  ),
  flagged(
    'a switch that returns',
    tried('‹catch› (error: any) { switch (error.code) { case "23503": return null } throw error }'),
  ),
  flagged('a handler that tries and fails', tried('‹catch› { try { logger.error(1) } catch { return } }')),
  flagged('a query of a model', inside('try { await User.query(trx).insert({}) } ‹catch› {}')),
  flagged(
    'a query by transacting',
    inside('try { await knex("users").insert(row).transacting(trx) } ‹catch› {}'),
  ),
  flagged('SQL', inside('try { await trx.raw("UPDATE users SET a = 1") } ‹catch› {}')),
  flagged('a call that is handed the transaction', inside('try { await save(row, trx) } ‹catch› {}')),
  flagged(
    'a function that closes over it',
    inside('const work = async () => { await trx("users").insert(row) }; try { await work() } ‹catch› {}'),
  ),
  flagged(
    'a nested transaction',
    inside('try { await trx.transaction(async (inner) => { await inner("users").insert(row) }) } ‹catch› {}'),
  ),
  flagged('a handler of a promise', inside('await trx("users").insert(row).‹catch›(() => null)')),
  flagged('a second function of then', inside('await save(row, trx).‹then›(() => 1, () => 2)')),
  flagged('a handler that only logs', inside('await save(row, trx).‹catch›(console.error)')),
  flagged(
    'a handler by its name',
    `const ignore = () => undefined; ${inside('await save(row, trx).‹catch›(ignore)')}`,
  ),
  flagged(
    'a loop that goes on',
    inside('for (const each of [row]) { try { await save(each, trx) } ‹catch› { continue } }'),
  ),
  flagged(
    'a loop that takes notes',
    `async function f(rows: object[]) {
       const trx = await knex.transaction()
       const errors: unknown[] = []
       for (const each of rows) { try { await save(each, trx) } ‹catch› (error) { errors.push(error) } }
       if (errors.length > 0) { await trx.rollback(); return }
       await trx.commit()
     }`,
  ),
  flagged(
    'a started transaction',
    `async function f() { const trx = await knex.transaction(); try { await trx("users").insert(row); await trx.commit() } ‹catch› (error) { logger.error(error) } }`,
  ),
  flagged(
    'a function that is handed one',
    'async function f(trx: Knex.Transaction) { try { await trx("users").insert(row) } ‹catch› { return null } }',
  ),
  flagged(
    'all settled',
    inside('await Promise.‹allSettled›([save(row, trx), fetch("http://localhost")])'),
    'settled',
  ),
]

typed.run('no-swallowed-error, with types', rule, {
  valid: [
    ...right,
    silent('a function that never returns', tried('catch (error) { fail(error) }')),
    silent(
      'the union of both',
      'async function f(trx: Knex | Knex.Transaction) { try { await trx("users").insert(row) } catch {} }',
    ),
  ],
  invalid: [
    ...wrong,
    flagged(
      'a field that holds a transaction',
      'class Users { constructor(private readonly db: Knex.Transaction) {} async add() { try { await this.db("users").insert(row) } ‹catch› {} } }',
    ),
  ],
})

untyped.run('no-swallowed-error, by names', rule, { valid: right, invalid: wrong })
