import rule from '../../src/rules/no-nested-transaction.ts'
import { typed, untyped } from '../rule-tester.ts'
import { flagged, silent, within } from './nested-transactions.ts'

typed.run('no-nested-transaction, with types', rule, {
  valid: [
    silent('a root transaction', 'await knex.transaction(async (trx) => { await trx("t").insert({}) })'),
    silent('a root in promise form', 'const t = await knex.transaction(); await t.commit()'),
    silent(
      'another root inside a callback: a foreign connection, not a nesting',
      'await knex.transaction(async () => { await knex.transaction(async () => {}) })',
    ),
    silent(
      'a method of the same name elsewhere',
      'declare const db: IDBLike; interface IDBLike { transaction(stores: string[]): void }; db.transaction(["a"])',
    ),
    silent(
      'a transaction of its own, of a flattened instance',
      'await trx.transaction(async () => {}, { propagation: "requires-new" } as object); await trx.transaction(async () => {}, { propagation: "not-supported" } as object)',
    ),
    silent(
      'a guard by isTransaction',
      'async function f(db: Knex, g: (t: Knex) => Promise<void>) { await (db.isTransaction ? g(db) : db.transaction(g)) } await f(trx, async () => {})',
    ),
    silent(
      'an early return by isTransaction',
      'async function f(db: Knex) { if (db.isTransaction) return; await db.transaction(async () => {}) } await f(trx)',
    ),
    silent(
      'a guard by short circuit',
      'async function f(db: Knex) { return db.isTransaction || (await db.transaction()) } await f(trx)',
    ),
    silent(
      'a negated guard by short circuit',
      'async function f(db: Knex) { return !db.isTransaction && (await db.transaction()) } await f(trx)',
    ),
    silent(
      'a negated guard',
      'async function f(db: Knex) { if (!db.isTransaction) { await db.transaction(async () => {}) } } await f(trx)',
    ),
    silent(
      'an early throw by a comparison',
      'async function f(db: Knex) { if (db.isTransaction === true) { throw new Error("no") } await db.transaction(async () => {}) } await f(trx)',
    ),
    silent(
      'a guard kept in a constant',
      'async function f(db: Knex) { const nested = Boolean(db.isTransaction); if (!nested) await db.transaction(async () => {}) } await f(trx)',
    ),
    silent(
      'a guard of their own',
      'declare function isTransaction(db: Knex): boolean; async function f(db: Knex) { return isTransaction(db) ? db : await db.transaction() } await f(trx)',
    ),
    ...[
      'if (db.isTransaction) { try { return await cb(db) } finally { log() } } return db.transaction(cb)',
      'if (db.isTransaction) { try { return await cb(db) } catch (e) { throw e } } return db.transaction(cb)',
      'if (db.isTransaction) { switch (kind) { case 1: return cb(db); case 2: default: throw new Error() } } return db.transaction(cb)',
      'if (!cb) { return } else if (db.isTransaction) { return cb(db) } return db.transaction(cb)',
      'try { if (db.isTransaction) return await cb(db) } catch (e) { throw e } return db.transaction(cb)',
      'if ("isCompleted" in db) return cb(db); return db.transaction(cb)',
      'if (live(db)) return cb(db); return db.transaction(cb)',
    ].map((body) =>
      silent(
        `a guard that always leaves: ${body}`,
        `declare const kind: number; declare function log(): void; declare function live(db: Knex): db is Knex.Transaction; async function f(db: Knex, cb: any) { ${body} } await f(trx, null)`,
      ),
    ),
    silent(
      'a named callback that guards, or opens nothing on what it gets',
      'async function work(t: Knex) { if (!t.isTransaction) await t.transaction(async () => {}) } async function other(t: Knex) { await knex.transaction(async () => {}) } await knex.transaction(work); await knex.transaction(other)',
    ),
    silent(
      'a default that the caller replaces',
      'async function f(n: number, db: Knex = trx) { await db.transaction(async () => {}) } await f(1, knex)',
    ),
    silent(
      'an argument after a spread',
      'declare const xs: any; async function f(n: any, db: Knex) { await db.transaction(async () => {}) } await f(...(xs as [number]), trx)',
    ),
    silent(
      'a property that a later spread overrides',
      'declare const deps: { db: Knex }; await inContext({ db: trx, ...deps })',
    ),
    silent(
      'a guard by destructuring',
      'async function f(db: Knex) { const { isTransaction } = db; return isTransaction ? db : await db.transaction() } await f(trx)',
    ),
    silent(
      'a guard by the commit method',
      'async function f(db: Knex) { if ("commit" in db) return db; return await db.transaction() } await f(trx)',
    ),
    silent(
      'a transaction or a new root',
      'async function f(t?: Knex.Transaction) { const own = t ?? (await knex.transaction()); await own("t") } await f(trx)',
    ),
    silent(
      'a ternary on an optional transaction',
      'async function f(t?: Knex.Transaction) { return t ? await t("a") : await (t ?? knex).transaction(async (x) => x("a")) } await f(trx)',
    ),
    silent(
      'a union that nobody hands a live transaction',
      'async function f(db: Knex | Knex.Transaction) { await db.transaction(async () => {}) } await f(knex)',
    ),
    silent(
      'a batch run in the transaction',
      'await trx.batchInsert("t", []).returning("*").transacting(trx)',
    ),
    silent('a batch in the root', 'await knex.batchInsert("t", [])'),
    silent(
      'calls that open nothing',
      'await readOrder(trx, 1); await insertLinesWithin([], trx); await new OrderRepository(trx).read()',
    ),
    silent('a guarded function in another file', 'await saveGuarded(trx)'),
    silent(
      'a root handed to a function that opens',
      'await saveOrder(knex, { id: 1 }); await new OrderRepository(knex).save(); await saveEither(knex)',
    ),
    silent('a migration of the root', 'await knex.migrate.latest()'),
    silent('the end of a transaction', 'await trx.rollback()'),
    silent(
      'Objection on the root',
      'await Order.transaction(async (t) => { await Order.query(t) }); await Order.transaction(knex, async () => {}); await Order.startTransaction(); await transaction(knex, async () => {}); await transaction(Order, async (Bound) => {})',
    ),
    silent('Objection on a bound root', 'await Order.bindKnex(knex).transaction(async () => {})'),
    silent(
      'an object that holds the root',
      'await inContext({ db: knex }); await inDestructured({ db: knex })',
    ),
    silent(
      'a plain Knex of unknown origin',
      'export async function f(db: Knex) { await saveOrder(db, { id: 1 }) }',
    ),
    silent(
      'a transaction that is meant to be apart',
      'await trx.transaction(async () => {}, { propagation: "requires-new" } as object)',
    ),
    silent('recursion', 'await first(knex, 3)'),
    silent(
      'a variable that is given several values',
      'let db: Knex = knex; if (Math.random() > 1) db = trx; await db.transaction(async () => {})',
    ),
  ],
  invalid: [
    {
      name: 'a transaction in a callback, with what to do without it',
      code: within(
        'await knex.transaction(async (outer) => { await outer.transaction(async (inner) => { await inner("t") }) })',
      ),
      errors: [
        {
          messageId: 'nested',
          suggestions: [
            {
              messageId: 'useOuter',
              data: { outer: 'outer' },
              output: within('await knex.transaction(async (outer) => { await outer("t") })'),
            },
          ],
        },
      ],
    },
    {
      name: 'a transaction on one whose owner is not in sight',
      code: within('await trx.transaction(async (inner) => { await inner("t") })'),
      errors: [
        {
          messageId: 'nested',
          suggestions: [{ messageId: 'useOuterUncaught', output: within('await trx("t")') }],
        },
      ],
    },
    {
      name: 'a batch whose error ends the transaction in any case',
      code: within('await knex.transaction(async (t) => { await t.batchInsert("t", []).returning("id") })'),
      errors: [
        {
          messageId: 'batchInsert',
          suggestions: [
            {
              messageId: 'runInTransaction',
              output: within(
                'await knex.transaction(async (t) => { await t.batchInsert("t", []).transacting(t).returning("id") })',
              ),
            },
          ],
        },
      ],
    },
    flagged(
      'a batch whose error is caught, which only a savepoint survives',
      'try { await trx.batchInsert("t", []) } catch {}',
      'caught',
    ),
    flagged('a name that says nothing', 'await knex.transaction((q) => q.transaction(async () => {}))'),
    flagged('the promise form', 'const t = await knex.transaction(); await t.transaction()'),
    flagged(
      'an optional transaction',
      'async function f(t?: Knex.Transaction) { await t?.transaction(async () => {}) }',
    ),
    flagged(
      'a field',
      'class S { constructor(private readonly t: Knex.Transaction) {} run() { return this.t.transaction(async () => {}) } }',
    ),
    flagged(
      'a private field',
      'class S { readonly #t: Knex.Transaction = trx; run() { return this.#t.transaction(async () => {}) } }',
    ),
    flagged(
      'a this parameter',
      'function f(this: Knex.Transaction) { return this.transaction(async () => {}) }',
    ),
    flagged(
      'an alias of the type',
      'type Tx = Knex.Transaction; function f(t: Tx) { return t.transaction() }',
    ),
    flagged(
      'an interface that extends it',
      'interface Tx extends Knex.Transaction { user: string } function f(t: Tx) { return t.transaction() }',
    ),
    flagged('a type parameter', 'function f<T extends Knex.Transaction>(t: T) { return t.transaction() }'),
    flagged(
      'an intersection',
      'function f(t: Knex.Transaction & { user: string }) { return t.transaction() }',
    ),
    flagged('a constant typed as plain Knex', 'const db: Knex = trx; await db.transaction(async () => {})'),
    flagged('a string key', "await trx['transaction'](async () => {})"),
    flagged('a function by a string key', "await orders['saveOrder'](trx, { id: 1 })", 'through'),
    ...[
      'if (db.isTransaction) { try { return await cb(db) } catch (e) { log() } } return db.transaction(cb)',
      'if (db.isTransaction) { switch (kind) { case 1: return cb(db); case 2: break; default: throw new Error() } } return db.transaction(cb)',
      'if (db.isTransaction) { switch (kind) { case 1: return cb(db) } } return db.transaction(cb)',
      'return later(); async function later() { await db.transaction(cb) }',
    ].map((body) =>
      flagged(
        `a guard that may go on: ${body}`,
        `declare const kind: number; declare function log(): void; async function f(db: Knex, cb: any) { ${body} } await f(trx, null)`,
        'through',
      ),
    ),
    flagged(
      'a named callback',
      'async function work(t: Knex) { await t.transaction(async () => {}) } await knex.transaction(work)',
      'through',
    ),
    flagged(
      'a callback in a constant',
      'const work = async (t: Knex) => { await t.transaction(async () => {}) }; await knex.transaction(work)',
      'through',
    ),
    flagged('a callback of another file', 'await knex.transaction(saveEither)', 'through'),
    flagged(
      'a default that nobody replaces',
      'async function f(n: number, db: Knex = trx) { await db.transaction(async () => {}) } await f(1)',
      'through',
    ),
    flagged(
      'a property after a spread',
      'declare const deps: { other: Knex }; await inContext({ ...deps, db: trx })',
      'through',
    ),
    flagged('a cast', 'await (trx as Knex).transaction(async () => {})'),
    flagged(
      'a lookup that falls back to the root',
      'declare const store: { get(): Knex.Transaction | undefined }; const t = store.get(); await (t ?? knex).transaction(async () => {})',
    ),
    flagged(
      'the wrong side of a guard',
      'async function f(t: Knex.Transaction) { if (t.isTransaction) await t.transaction(async () => {}) }',
    ),
    {
      name: 'a batch, with the exact remedy',
      code: within('await trx.batchInsert("t", [], 100)'),
      errors: [
        {
          messageId: 'batchInsert',
          suggestions: [
            {
              messageId: 'runInTransactionUncaught',
              output: within('await trx.batchInsert("t", [], 100).transacting(trx)'),
            },
          ],
        },
      ],
    },
    flagged('a provider', 'const provide = trx.transactionProvider(); await provide()', 'provider'),
    flagged(
      'a provided transaction',
      'const provide = knex.transactionProvider(); const t = await provide(); await t.transaction(async () => {})',
    ),
    flagged('a migration', 'await trx.migrate.latest()', 'migrate'),
    flagged('Model.transaction', 'await Order.transaction(trx, async () => {})'),
    flagged('Model.startTransaction', 'await Order.startTransaction(trx)'),
    flagged("Objection's transaction function", 'await transaction(trx, async () => {})'),
    flagged("Objection's transaction.start", 'await transaction.start(trx)'),
    flagged(
      'a model bound to a transaction',
      'const Bound = Order.bindKnex(trx); await Bound.transaction(async () => {})',
    ),
    flagged(
      'a bound model given to the function',
      'await transaction(Order.bindTransaction(trx), async () => {})',
    ),
  ],
})

untyped.run('no-nested-transaction, without types', rule, {
  valid: [
    'await knex.transaction(async (trx) => { await trx("t").insert({}) })',
    'const tx = idb.transaction(["store"], "readwrite"); const y = db.transaction("store")',
    'await sequelize.transaction(async (t) => { await User.create({}, { transaction: t }) })',
    'import { drizzle } from "drizzle-orm"; await db.transaction(async (tx) => { await tx.transaction(async () => {}) })',
    'const { sql } = require("kysely"); await db.transaction().execute(async (trx) => { await trx.transaction() })',
    'async function f(trx) { return trx.isTransaction ? g(trx) : trx.transaction(g) }',
    'async function f(trx) { const db = trx || knex; return db("t") }',
    'async function f(trx) { return (trx ?? knex).transaction(g) }',
    'await trx.batchInsert("t", rows).transacting(trx)',
    'const provide = knex.transactionProvider()',
    'await trx.commit(); await trx.rollback(); await sentry.startTransaction({ name: "x" })',
    'async function save(db) { await db.transaction(async () => {}) } await save(knex)',
    'await Order.transaction(async (trx) => {})',
    'async function save(n, db) { await db.transaction(f) } await save(...xs, trx)',
    'async function save({ db }) { await db.transaction(f) } await save({ db: trx, ...deps })',
  ],
  invalid: [
    {
      code: 'await knex.transaction(async (t) => { await t.transaction(async () => {}) })',
      errors: [{ messageId: 'nested' }],
    },
    {
      code: 'const t = await knex.transaction(); await t.transaction(work)',
      errors: [{ messageId: 'nested' }],
    },
    {
      code: 'async function f({ trx }) { await trx.transaction(async () => {}) }',
      errors: [{ messageId: 'nested' }],
    },
    {
      code: 'class S { run() { return this.trx.transaction(async () => {}) } }',
      errors: [{ messageId: 'nested' }],
    },
    {
      code: 'async function work(q) { await q.transaction(f) } await knex.transaction(work)',
      errors: [{ messageId: 'through' }],
    },
    {
      code: 'async function save(db = trx) { await db.transaction(f) } await save()',
      errors: [{ messageId: 'through' }],
    },
    { code: 'const provide = trx.transactionProvider()', errors: [{ messageId: 'provider' }] },
    { code: 'await Order.transaction(trx, async () => {})', errors: [{ messageId: 'nested' }] },
    {
      code: 'import { transaction } from "objection"; await transaction(trx, async () => {})',
      errors: [{ messageId: 'nested' }],
    },
    {
      code: 'async function save(db) { await db.transaction(async () => {}) } await save(trx)',
      errors: [{ messageId: 'through' }],
    },
    {
      code: 'class R { constructor(db) { this.db = db } save() { return this.db.transaction(async () => {}) } } new R(trx).save()',
      errors: [{ messageId: 'through' }],
    },
    {
      code: 'await trx.batchInsert("t", [])',
      errors: [
        {
          messageId: 'batchInsert',
          suggestions: [
            {
              messageId: 'runInTransactionUncaught',
              output: 'await trx.batchInsert("t", []).transacting(trx)',
            },
          ],
        },
      ],
    },
    // More of plain pg is in test/plain-pg.test.ts.
    {
      code: 'async function f(client) { await client.query("BEGIN"); await client.query("BEGIN") }',
      errors: [{ messageId: 'begin' }],
    },
    {
      code: 'const save = (on) => on.query("BEGIN"); async function f(client) { await client.query("BEGIN"); await save(client) }',
      errors: [{ messageId: 'beginThrough' }],
    },
  ],
})
