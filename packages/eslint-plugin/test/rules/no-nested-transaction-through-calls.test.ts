import { supportTable } from '@knex-flatten/sql-support'
import rule from '../../src/rules/no-nested-transaction.ts'
import { typed } from '../rule-tester.ts'
import { flagged, silent, within } from './nested-transactions.ts'

typed.run('no-nested-transaction, through calls', rule, {
  valid: [
    silent(
      'a function that only makes functions which open',
      'const makeSave = (db: Knex) => ({ save: () => db.transaction(async () => {}) }); export const service = makeSave(trx)',
    ),
    silent(
      'a function that keeps one for later',
      'function f(db: Knex) { setTimeout(() => db.transaction(async () => {}), 1) } f(trx)',
    ),
    silent(
      'a transaction opened only where none is passed',
      'async function f(db: Knex, t?: Knex.Transaction) { if (t) return t("a"); return db.transaction(async () => {}) } await f(trx, trx)',
    ),
    silent(
      'a getter that chooses',
      'class Repository { #live?: Knex.Transaction; constructor(private readonly root: Knex) {} get db(): Knex { if (this.#live) return this.#live; return this.root } save() { return this.db.transaction(async () => {}) } } await new Repository(trx).save()',
    ),
    silent(
      'an interface of which one implementation opens on another parameter',
      'interface Store { keep(a: Knex, b: Knex): Promise<void> } class A implements Store { async keep(a: Knex, b: Knex) { await a.transaction(async () => {}) } } class B implements Store { async keep(a: Knex, b: Knex) { await b.transaction(async () => {}) } } declare const store: Store; await store.keep(trx, trx); export { A, B }',
    ),
    silent(
      'an interface of which one implementation guards',
      'interface Store { keep(db: Knex): Promise<void> } class A implements Store { async keep(db: Knex) { await db.transaction(async () => {}) } } class B implements Store { async keep(db: Knex) { if (!db.isTransaction) await db.transaction(async () => {}) } } declare const store: Store; await store.keep(trx); export { A, B }',
    ),
    silent(
      'a method that two classes implement',
      'interface Store { keep(db: Knex): Promise<void> } class A implements Store { async keep(db: Knex) { await db.transaction(async () => {}) } } class B implements Store { async keep(db: Knex) { await db("t") } } declare const store: Store; await store.keep(trx); export { A, B }',
    ),
    silent(
      'a service made on the root',
      'const makeService = (deps: { db: Knex }) => ({ save: () => deps.db.transaction(async () => {}) }); await makeService({ db: knex }).save()',
    ),
  ],
  invalid: [
    {
      name: 'a function in another file, named with its chain',
      code: within('await saveOrder(trx, { id: 1 })'),
      errors: [
        {
          messageId: 'through',
          line: 12,
          column: 17,
          endColumn: 20,
          data: {
            chain: '`saveOrder` (services/orders.ts:5), which opens a transaction on `db`',
            instead: supportTable.savepoint.instead,
          },
        },
      ],
    },
    {
      name: 'two functions in two files',
      code: within('await saveWithLines(trx, { id: 1 })'),
      errors: [{ messageId: 'through' }],
    },
    flagged('a renamed import', 'await persist([], trx)', 'through'),
    flagged('a default import', 'await saveByDefault(trx)', 'through'),
    flagged('a namespace import', 'await orders.saveOrder(trx, { id: 1 })', 'through'),
    flagged(
      'a union parameter, at the call that passes a live transaction',
      'await saveEither(trx)',
      'through',
    ),
    flagged(
      'an optional parameter with a fallback, at the call',
      'async function f(t?: Knex.Transaction) { const db = t ?? knex; await db.transaction(async () => {}) } await f(trx)',
      'through',
    ),
    flagged(
      "Objection's TransactionOrKnex",
      'async function f(t: TransactionOrKnex) { await Order.transaction(t, async () => {}) } await f(trx)',
      'through',
    ),
    flagged('a property of an object', 'await inContext({ db: trx })', 'through'),
    flagged(
      'a property of an object in a constant',
      'const context = { db: trx }; await inContext(context)',
      'through',
    ),
    flagged('a destructured parameter', 'await inDestructured({ db: trx })', 'through'),
    flagged('a shorthand property', 'const db = trx; await inDestructured({ db })', 'through'),
    flagged('a repository built on a transaction', 'await new OrderRepository(trx).save()', 'through'),
    flagged(
      'a repository in a constant',
      'const repository = new OrderRepository(trx); await repository.nest()',
      'through',
    ),
    flagged(
      'a service on a repository on a transaction',
      'class Service { constructor(private readonly repository: OrderRepository) {} run() { return this.repository.save() } } await new Service(new OrderRepository(trx)).run()',
      'through',
    ),
    flagged(
      'a private field that the constructor assigns',
      'await new OrderRepository(knex, trx).onFallback()',
      'through',
    ),
    flagged(
      'a definition, and not its callers again',
      'async function f(t: Knex.Transaction) { await t.transaction(async () => {}) } await f(trx)',
    ),
    {
      name: 'two functions that call each other, whichever is asked first',
      code: within(`
        await one(trx, 1)
        await other(trx, 1)
        async function one(db: Knex, depth: number): Promise<void> {
          if (depth > 0) await other(db, depth)
          await db.transaction(async () => {})
        }
        async function other(db: Knex, depth: number): Promise<void> {
          await one(db, depth - 1)
        }`),
      errors: [{ messageId: 'through' }, { messageId: 'through' }],
    },
    flagged(
      'a variable that is given one value, and nothing first',
      'let db: Knex | undefined; db = trx; await db.transaction(async () => {})',
    ),
    flagged(
      'a getter that returns a field',
      'class Repository { constructor(private readonly root: Knex) {} get db() { return this.root } save() { return this.db.transaction(async () => {}) } } await new Repository(trx).save()',
      'through',
    ),
    flagged(
      'a field that super() sets',
      'class Base { constructor(protected readonly db: Knex) {} } class Repository extends Base { constructor(kind: string, db: Knex) { super(db) } save() { return this.db.transaction(async () => {}) } } await new Repository("a", trx).save()',
      'through',
    ),
    flagged(
      'an object with what is spread before',
      'async function f(deps: { db: Knex; n: number }) { await inContext({ ...deps, n: 2 } as never as { db: Knex }) } await f({ db: trx, n: 1 })',
      'through',
    ),
    flagged(
      'a method of an interface that one class implements',
      'interface Store { keep(db: Knex): Promise<void> } class Only implements Store { async keep(db: Knex) { await db.transaction(async () => {}) } } declare const store: Store; await store.keep(trx); export { Only }',
      'through',
    ),
    flagged(
      'a method of an interface that one class implements, and a stand-in that does nothing',
      'interface Store { keep(db: Knex): Promise<void> } class Only implements Store { async keep(db: Knex) { await db.transaction(async () => {}) } } const none: Store = { keep: async () => {} }; declare const store: Store; await store.keep(trx); export { Only, none }',
      'through',
    ),
    {
      ...flagged(
        'a method that each of several implementations opens a transaction in',
        'interface Store { keep(db: Knex): Promise<void> } class A implements Store { async keep(db: Knex) { await db.transaction(async () => {}) } } const b: Store = { keep: async (db) => { await saveOrder(db, { id: 1 }) } }; declare const store: Store; await store.keep(trx); export { A, b }',
        'through',
      ),
      errors: [
        {
          messageId: 'through' as const,
          data: {
            chain:
              '`keep` (fixtures/file.ts:12, and in 1 more), which passes it to `saveOrder` (services/orders.ts:5), which opens a transaction on `db`',
            instead: supportTable.savepoint.instead,
          },
        },
      ],
    },
    flagged(
      'a service whose type is an interface, made by a factory',
      'interface Service { save(db: Knex): Promise<void>; read(): void } async function createService(): Promise<Service> { return { save: (db) => saveOrder(db, { id: 1 }), read() {} } } const service = await createService(); await service.save(trx)',
      'through',
    ),
    flagged(
      'a service made on a transaction',
      'const makeService = (deps: { db: Knex }) => ({ save: () => deps.db.transaction(async () => {}) }); await makeService({ db: trx }).save()',
      'through',
    ),
    flagged(
      'a service made on a transaction, in a constant',
      'const makeService = async (deps: { db: Knex }) => ({ save: () => deps.db.transaction(async () => {}) }); const service = await makeService({ db: trx }); await service.save()',
      'through',
    ),
    flagged(
      'a function made with a transaction',
      'const makeSave = (db: Knex) => () => db.transaction(async () => {}); const save = makeSave(trx); await save()',
      'through',
    ),
    flagged(
      'a function that is called with nothing in place of the transaction',
      'async function f(db: Knex, t?: Knex.Transaction) { if (t) return t("a"); return db.transaction(async () => {}) } await f(trx, undefined)',
      'through',
    ),
    flagged(
      'a function within the function',
      'async function f(db: Knex) { const open = async () => { await db.transaction(async () => {}) }; await open() } await f(trx)',
      'through',
    ),
    flagged('mutual recursion', 'await first(trx, 3)', 'through'),
    flagged('mutual recursion from the other end', 'await second(trx, 3)', 'through'),
    flagged(
      'a callback that is given a transaction',
      'await knex.transaction((t) => saveOrder(t, { id: 1 }))',
      'through',
    ),
    {
      name: 'a wrapper named in the settings',
      code: within('declare function inTx(db: Knex, work: () => void): void; inTx(trx, () => {})'),
      settings: { 'knex-flatten': { transactionFunctions: ['inTx'] } },
      errors: [{ messageId: 'nested' }],
    },
    {
      name: 'a wrapper that opens on its second argument',
      code: within(
        'declare function inTx(work: () => void, db: Knex): void; function f(db: Knex) { inTx(() => {}, db) } f(trx)',
      ),
      settings: { 'knex-flatten': { transactionFunctions: [{ name: 'inTx', argument: 1 }] } },
      errors: [{ messageId: 'through' }],
    },
  ],
})
