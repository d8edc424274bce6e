import noForeignConnection from '../src/rules/no-foreign-connection.ts'
import noNestedTransaction from '../src/rules/no-nested-transaction.ts'
import { reportsOnly, typed, untyped } from './rule-tester.ts'
import { underlined } from './underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
import { Client, Pool, type ClientBase, type PoolClient } from 'pg'
import { BEGIN, logPayment, pay, payAlone, payOrder, payWithin, pool } from './services/payments.ts'
declare const client: PoolClient
declare const other: PoolClient
declare const any: any
declare const level: string
declare function withTransaction(work: (client: PoolClient) => Promise<void>): Promise<void>
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

/** `‹` and `›` stand around what must be underlined. */
const flagged = <MessageId extends string>(name: string, body: string, messageId: MessageId) => {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId, ...place }] }
}

const begun = 'await client.query("BEGIN");'

/** A function that may be called while a transaction is open on what it is handed. */
const calling = (parameters: string, body: string, given = 'client') =>
  `async function save(${parameters}) { ${body} } ${begun} await save(${given})`

typed.run('BEGIN inside BEGIN, with types', noNestedTransaction, {
  valid: [
    silent(
      'one after another',
      `${begun} await client.query("COMMIT"); ${begun} await client.query("ROLLBACK")`,
    ),
    silent(
      'one behind COMMIT AND CHAIN',
      `${begun} await client.query("COMMIT AND CHAIN"); await pay(other)`,
    ),
    silent('a client that was given back', `${begun} client.release(); await pay(client)`),
    silent(
      'a client that was closed',
      'const own = new Client(); await own.query("BEGIN"); await own.end(); await pay(own)',
    ),
    silent('on two clients', `${begun} await other.query("BEGIN"); await pay(any)`),
    silent('a function that sends none', `${begun} await payWithin(client); await payAlone()`),
    silent('another client handed over', `${begun} await pay(other)`),
    silent(
      'none that surely is open',
      `if (any) await client.query("BEGIN"); await pay(client); any && (await other.query("BEGIN")); await pay(other)`,
    ),
    silent(
      'one begun in another function',
      `const begin = () => client.query("BEGIN"); await pay(client); export { begin }`,
    ),
    silent(
      'behind a failure',
      `try { ${begun} await client.query("COMMIT") } catch { await client.query("ROLLBACK"); await pay(client) }`,
    ),
    silent(
      'what hands over something else by the name of transaction',
      'declare const store: { transaction(work: (on: { query(sql: string): void }) => void): void }; store.transaction((on) => { on.query("BEGIN") })',
    ),
    silent(
      'a client that is handed over for anything',
      'declare function withClient(work: (client: PoolClient) => Promise<void>): Promise<void>; await withClient(async (on) => { await pay(on) })',
    ),
    silent(
      'on a pool, which has another client for each',
      'await pool.query("BEGIN"); await pool.query("BEGIN")',
    ),
    silent('a savepoint', `${begun} await client.query("SAVEPOINT a"); await client.query("ROLLBACK TO a")`),
    silent(
      'the text of a parameter',
      calling('on: PoolClient, sql: string', 'await on.query(sql)', 'client, "BEGIN"'),
    ),
    silent(
      'a client of its own where none is given',
      calling(
        'on?: PoolClient',
        'const own = on ?? (await pool.connect()); if (!on) await own.query("BEGIN")',
      ),
    ),
    silent(
      'a guard on what it is handed',
      calling('on: PoolClient', 'if (on) return; await on.query("BEGIN")'),
    ),
    ...[
      'if (!nested) await on.query("BEGIN")',
      'nested || (await on.query("BEGIN"))',
      'if (nested) return; await on.query("BEGIN")',
    ].map((body) => silent(`a guard by a word: ${body}`, calling('on: PoolClient, nested = true', body))),
    silent(
      'where it is handed a Knex, which keeps it from that',
      calling('on: PoolClient, db?: Knex', 'if (db) return; await on.query("BEGIN")', 'client, any'),
    ),
    silent(
      'what ends the transaction first',
      calling('on: PoolClient', 'await on.query("ROLLBACK"); await on.query("BEGIN")'),
    ),
    silent(
      'what hands it to something that ends it first',
      `declare function commitAll(on: PoolClient): Promise<void>; ${calling('on: PoolClient', 'await commitAll(on); await on.query("BEGIN")')}`,
    ),
  ],
  invalid: [
    flagged('in one function', `${begun} await ‹client.query("BEGIN")›`, 'begin'),
    ...[
      '"START TRANSACTION"',
      '"begin; select 1"',
      '"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"',
      '`BEGIN ISOLATION LEVEL ${level}`',
      '`BEGIN`',
      '{ text: "BEGIN" }',
      'BEGIN',
      'texts.begin',
    ].map((text) =>
      flagged(
        `by the text ${text}`,
        `const texts = { begin: "BEGIN" } as const; await client.query(${text}); await ‹client.query(${text})›`,
        'begin',
      ),
    ),
    flagged(
      'behind what begins another',
      `${begun} await client.query("COMMIT AND CHAIN"); await ‹client.query("BEGIN")›`,
      'begin',
    ),
    flagged('by another name', `const own = client; ${begun} await ‹own.query("BEGIN")›`, 'begin'),
    flagged(
      'in a try',
      `try { ${begun} await ‹client.query("BEGIN")› } finally { client.release() }`,
      'begin',
    ),
    flagged(
      'on a client that a wrapper hands over',
      'await withTransaction(async (on) => { await ‹on.query("BEGIN")› })',
      'begin',
    ),
    flagged(
      'on a client whose type cannot be told',
      'await any.query("BEGIN"); await ‹any.query("BEGIN")›',
      'begin',
    ),
    {
      ...flagged('through a function of another file', `${begun} await pay(‹client›)`, 'beginThrough'),
      errors: [
        {
          messageId: 'beginThrough',
          data: { client: 'client', chain: '`pay` (services/payments.ts:8)' },
        },
      ],
    },
    {
      ...flagged(
        'through two',
        `${begun} await payOrder(client)`.replace('(client)', '(‹client›)'),
        'beginThrough',
      ),
      errors: [
        {
          messageId: 'beginThrough',
          data: {
            client: 'client',
            chain: '`payOrder` (services/payments.ts:15), which passes it to `pay` (services/payments.ts:8)',
          },
        },
      ],
    },
    flagged(
      'through a field',
      `class Orders { constructor(private on: PoolClient) {} save() { return this.on.query("BEGIN") } } ${begun} await ‹new Orders(client)›.save()`,
      'beginThrough',
    ),
    flagged(
      'on a client that a method of their own hands over',
      'declare const db: { transaction(work: (client: PoolClient) => Promise<void>): Promise<void> }; await db.transaction(async (on) => { await pay(‹on›) })',
      'beginThrough',
    ),
    ...['transact', 'tx', 'atomically', 'inOwnTx'].map((name) =>
      flagged(
        `on a client that ${name} hands over`,
        `declare function ${name}(work: (client: PoolClient) => Promise<void>): Promise<void>; await ${name}(async (on) => { await pay(‹on›) })`,
        'beginThrough',
      ),
    ),
    flagged(
      'on a client that a function of their own hands over',
      'declare function transaction(on: Pool, work: (client: PoolClient) => Promise<void>): Promise<void>; await transaction(pool, async (on) => { await ‹on.query("BEGIN")› })',
      'begin',
    ),
    {
      ...flagged(
        'on a client that a function hands over of which the settings tell',
        'declare function within(on: Pool, work: (client: PoolClient) => Promise<void>): Promise<void>; await within(pool, async (on) => { await pay(‹on›) })',
        'beginThrough',
      ),
      settings: { 'knex-flatten': { transactionFunctions: [{ name: 'within', argument: 0 }] } },
    },
    flagged(
      'through a wrapper of the client of its callback',
      'await withTransaction(async (on) => { await pay(‹on›) })',
      'beginThrough',
    ),
    flagged(
      'behind a condition that is about something else',
      calling(
        'on: PoolClient, rows: number[]',
        'if (rows.length === 0) return; if (!on) throw new Error(); await on.query("BEGIN")',
        '‹client›, []',
      ),
      'beginThrough',
    ),
  ],
})

/** A function that has what the code needs in its parameters. */
const inFunction = (body: string) => `async function f(client, pool, db, thing) { ${body} }`

untyped.run('BEGIN inside BEGIN, without types', noNestedTransaction, {
  valid: [
    inFunction('await client.query("BEGIN"); await client.query("COMMIT"); await client.query("BEGIN")'),
    inFunction('await pool.query("BEGIN"); await pool.query("BEGIN")'),
    `import mysql from "mysql2"; ${inFunction('await client.query("BEGIN"); await client.query("BEGIN")')}`,
    `async function save(on) { await on.query("INSERT") } ${inFunction('await client.query("BEGIN"); await save(client)')}`,
  ],
  invalid: [
    {
      code: inFunction('await client.query("BEGIN"); await client.query("START TRANSACTION")'),
      errors: [{ messageId: 'begin' }],
    },
    {
      code: `async function save(on) { await on.query(\`BEGIN\`) } ${inFunction('await client.query("BEGIN"); await save(client)')}`,
      errors: [{ messageId: 'beginThrough', data: { client: 'client', chain: '`save` (file.ts:1)' } }],
    },
    {
      code: 'await withTransaction(async (client) => { await client.query("BEGIN") })',
      errors: [{ messageId: 'begin' }],
    },
  ],
})

/** Code between BEGIN and COMMIT on a client of the pool. */
const inside = (body: string) =>
  `const taken = await pool.connect(); await taken.query("BEGIN"); ${body} ; await taken.query("COMMIT")`

typed.run('a pool beside its client, with types', reportsOnly(noForeignConnection), {
  valid: [
    silent('queries on the client', inside('await taken.query("SELECT 1"); await payWithin(taken)')),
    silent(
      'the pool before and behind',
      `await pool.query("SELECT 1"); ${inside('')}; await pool.query("SELECT 1"); await logPayment()`,
    ),
    silent('what is the client where there is one', inside('await (taken ?? pool).query("SELECT 1")')),
    silent('another client', inside('await other.query("SELECT 1"); await client.query("SELECT 1")')),
    silent('what sends nothing', inside('pool.on("error", () => {}); console.log(pool.totalCount)')),
    silent(
      'methods of the same names elsewhere',
      inside('await any.query("SELECT 1"); new (class { connect() {} })().connect()'),
    ),
    silent(
      'a function that is handed the client',
      `async function f(on: Pool | PoolClient) { await on.query("SELECT 1") } ${inside('await f(taken)')}`,
    ),
    silent('a function that is called later', inside('setTimeout(() => { void pool.query("SELECT 1") }, 1)')),
  ],
  invalid: [
    flagged('a query on the pool', inside('await ‹pool›.query("INSERT INTO log VALUES (1)")'), 'query'),
    flagged(
      'a query on the pool of a client that was set later',
      'let own: PoolClient | undefined; own = await pool.connect(); await own.query("BEGIN"); await ‹pool›.query("SELECT 1")',
      'query',
    ),
    flagged(
      'a query on a pool, where the client is handed in',
      'async function f(on: PoolClient) { await on.query("BEGIN"); await ‹pool›.query("SELECT 1") }',
      'query',
    ),
    flagged(
      'a query on the pool of a field',
      'class Store { constructor(private pool: Pool) {} async f() { const on = await this.pool.connect(); await on.query("BEGIN"); await ‹this.pool›.query("SELECT 1") } }',
      'query',
    ),
    flagged(
      "a query on somebody's own pool",
      'declare const db: { connect(): Promise<PoolClient>; query(sql: string): Promise<void> }; const on = await db.connect(); await on.query("BEGIN"); await ‹db›.query("SELECT 1")',
      'query',
    ),
    flagged(
      'a query in a callback that is handed a client',
      'await withTransaction(async (on) => { await ‹pool›.query("SELECT 1") })',
      'query',
    ),
    flagged('another client of the pool', inside('const more = await ‹pool›.connect()'), 'connection'),
    flagged(
      'a pool that a function answers with',
      `declare function getPool(): Pool; ${inside('await ‹getPool()›.query("SELECT 1")')}`,
      'query',
    ),
    flagged(
      'a query in a function that is called in the transaction alone, and nowhere else',
      `async function log() { await ‹pool›.query("SELECT 1") } ${inside('await log()')}`,
      'query',
    ),
    {
      ...flagged('through a function of another file', inside('await ‹logPayment›()'), 'through'),
      errors: [
        {
          messageId: 'through' as const,
          data: {
            chain: '`logPayment` (services/payments.ts:23), which queries `pool`',
            transaction: '`taken`',
          },
        },
      ],
    },
    {
      ...flagged('through a function that takes its own client', inside('await ‹payAlone›()'), 'through'),
      errors: [
        {
          messageId: 'through' as const,
          data: {
            chain: '`payAlone` (services/payments.ts:27), which takes a connection of `pool`',
            transaction: '`taken`',
          },
        },
      ],
    },
    flagged(
      'through a function that is handed the pool',
      `export async function f(on: Pool) { await on.query("SELECT 1") } ${inside('await f(‹pool›)')}`,
      'through',
    ),
    flagged(
      'through a function that is handed on',
      inside('await Promise.all([1].map(‹logPayment›))'),
      'through',
    ),
  ],
})

untyped.run('a pool beside its client, without types', reportsOnly(noForeignConnection), {
  valid: [
    inFunction('await client.query("BEGIN"); await client.query("SELECT 1"); await thing.query("SELECT 1")'),
    inFunction('await client.query("SELECT 1"); await pool.query("SELECT 1")'),
  ],
  invalid: [
    {
      code: inFunction('const on = await db.connect(); await on.query("BEGIN"); await db.query("SELECT 1")'),
      errors: [{ messageId: 'query' }],
    },
    {
      code: `const pool = open(); async function log() { await pool.query("SELECT 1") } await log(); async function f(client) { await client.query("BEGIN"); await log() }`,
      errors: [{ messageId: 'through' }],
    },
    {
      code: `const store = new Pool(); ${inFunction('await client.query("BEGIN"); await store.connect()')}`,
      errors: [{ messageId: 'connection' }],
    },
  ],
})
