import { join } from 'node:path'
import * as typescriptParser from '@typescript-eslint/parser'
import type { TSESTree } from '@typescript-eslint/utils'
import { Linter, type Rule } from 'eslint'
import { describe, expect, test } from 'vitest'
import { extentsOf } from '../src/extent/extents.ts'
import { lintedFile } from '../src/linted-file.ts'
import { fixtures, withTypes } from './lint.ts'

/** For each call of `look('…')`: the kinds of the extents around it, innermost first. */
function extentsIn(code: string, types: boolean, settings: object = {}): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  const rule: Rule.RuleModule = {
    create(context) {
      const extents = extentsOf(lintedFile(context as never))
      return {
        'CallExpression[callee.name="look"]'(node: unknown) {
          const call = node as TSESTree.CallExpression
          const [name] = call.arguments as [TSESTree.StringLiteral]
          found[name.value] = extents
            .at(call)
            .map(({ kind, variable }) => (variable === undefined ? kind : `${kind} ${variable.name}`))
        },
      }
    },
  }
  const parserOptions = types ? withTypes : {}
  const messages = new Linter().verify(
    code,
    [
      {
        files: ['**/*.ts'],
        languageOptions: { parser: typescriptParser, parserOptions },
        plugins: { test: { rules: { look: rule } } },
        rules: { 'test/look': 'error' },
        settings: { 'knex-flatten': settings },
      },
    ],
    { filename: join(fixtures, 'file.ts') },
  )
  expect(messages).toEqual([])
  return found
}

const before = `
import type { Knex } from 'knex'
import { Model, type Transaction, type TransactionOrKnex, transaction } from 'objection'
import type { Client } from 'pg'
import { afterCommit } from 'knex-flatten'
declare const knex: Knex
declare const client: Client
declare function look(name: string): Promise<void>
declare function retry<T>(work: () => Promise<T>): Promise<T>
declare const rows: number[]
class User extends Model {}
`

/** Each: what it shows, the code, and what is open at its calls of `look`. */
const cases: [string, string, Record<string, string[]>][] = [
  [
    'the callback of a transaction',
    `await look('before'); await knex.transaction(async (trx) => { await look('in') }); await look('after')`,
    { before: [], in: ['callback trx'], after: [] },
  ],
  [
    'a transaction in a transaction',
    `await knex.transaction(async (trx) => { await trx.transaction(async (inner) => { await look('in') }) })`,
    { in: ['callback inner', 'callback trx'] },
  ],
  [
    'a callback that is a function of this file',
    `const work = async (t: Knex.Transaction) => { await look('in') }; await knex.transaction(work)`,
    { in: ['callback t'] },
  ],
  [
    "a model's transaction, and Objection's own",
    `await User.transaction(async (t) => { await look('model') });
     await transaction(knex, async (t) => { await look('knex') });
     await transaction(User, async (Bound, t) => { await look('models') })`,
    { model: ['callback t'], knex: ['callback t'], models: ['callback t'] },
  ],
  [
    'the promise form, up to its ends',
    `async function f() {
       await look('before')
       const trx = await knex.transaction()
       await look('in')
       await trx.commit()
       await look('after')
     }`,
    { before: [], in: ['started trx'], after: [] },
  ],
  [
    'an end on a path that leaves',
    `async function f(is: boolean) {
       const trx = await User.startTransaction()
       try {
         if (is) { await trx.rollback(); await look('rolled back'); return }
         await look('goes on')
         await trx.commit()
         await look('committed')
       } catch (error) {
         await look('caught')
         await trx.rollback()
         throw error
       }
       await look('behind')
     }`,
    { 'rolled back': [], 'goes on': ['started trx'], committed: [], caught: [], behind: [] },
  ],
  [
    'an end on some paths',
    `async function f(is: boolean) {
       const trx = await knex.transaction()
       if (is) await trx.commit()
       await look('perhaps')
     }`,
    { perhaps: [] },
  ],
  [
    'an end in a finalizer, a conditional end, an end in a switch',
    `async function f(is: boolean) {
       const trx = await knex.transaction()
       try { await look('in') } finally { await trx.rollback() }
       await look('after')
       const other = await knex.transaction()
       is && (await other.commit())
       await look('perhaps')
       const third = await knex.transaction()
       switch (is) { case true: await look('case'); await third.commit() }
       await look('behind the switch')
     }`,
    { in: ['started trx'], after: [], perhaps: [], case: ['started third'], 'behind the switch': [] },
  ],
  [
    'ends in a function that is called, or handed the transaction',
    `async function f() {
       const trx = await knex.transaction()
       const finish = async () => { await trx.commit() }
       await look('open')
       await finish()
       await look('ended')
       const other = await knex.transaction()
       await commitAll(other)
       await look('handed over')
     }
     declare function commitAll(trx: Knex.Transaction): Promise<void>`,
    { open: ['started trx'], ended: [], 'handed over': [] },
  ],
  [
    'a transaction set later, or where there was none',
    `async function f(given?: Knex.Transaction) {
       let trx: Knex.Transaction | undefined
       await look('none')
       trx = await knex.transaction()
       await look('set')
       const own = given ?? (await knex.transaction())
       await look('either')
     }
     async function g(trx?: Knex.Transaction) {
       if (!trx) { trx = await knex.transaction() }
       await look('guarded')
     }`,
    { none: [], set: ['started trx'], either: ['started own', 'started trx'], guarded: ['started trx'] },
  ],
  [
    'a function that is handed a transaction',
    `async function f(trx: Knex.Transaction) { await look('handed') }
     const g = async ({ trx }: { trx: Knex.Transaction }) => { await look('destructured') }
     class A { constructor(private readonly trx: Knex.Transaction) { void look('constructor') } }
     async function h(trx?: Knex.Transaction) { await look('optional') }
     async function i(trx: Knex | Knex.Transaction) { await look('either') }
     async function j(trx: Knex.Transaction | undefined) { await look('undefined') }`,
    {
      handed: ['handed trx'],
      destructured: ['handed trx'],
      constructor: ['handed trx'],
      optional: [],
      either: [],
      undefined: [],
    },
  ],
  [
    'a function that ends what it is handed',
    `async function f(trx: Knex.Transaction) { await look('in'); await trx.commit(); await look('after') }`,
    { in: ['handed trx'], after: [] },
  ],
  [
    'BEGIN and COMMIT on a client',
    `async function f() {
       await look('before')
       await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
       await look('in')
       await client.query('COMMIT')
       await look('after')
     }
     async function g() {
       try {
         await client.query({ text: 'START TRANSACTION' })
         await look('tried')
         await client.query('COMMIT')
       } catch (error) {
         await look('caught')
         await client.query('ROLLBACK')
         throw error
       }
     }`,
    { before: [], in: ['client client'], after: [], tried: ['client client'], caught: [] },
  ],
  [
    'functions that run at once',
    `await knex.transaction(async (trx) => {
       await Promise.all(rows.map(async (row) => { await look('map') }))
       await retry(async () => { await look('awaited') })
       ;(() => { void look('iife') })()
       await new Promise((resolve) => { void look('executor') })
       trx('t').then(() => look('then'))
     })`,
    {
      map: ['callback trx'],
      awaited: ['callback trx'],
      iife: ['callback trx'],
      executor: ['callback trx'],
      then: ['callback trx'],
    },
  ],
  [
    'functions for later',
    `declare const emitter: { on(name: string, fn: () => void): void }
     await knex.transaction(async (trx) => {
       afterCommit(trx, async () => { await look('hook') })
       setTimeout(() => look('timer'), 1)
       trx.executionPromise.then(() => look('execution'))
       emitter.on('x', () => look('event'))
       const later = { run: () => look('property') }
       const stop = keep(() => look('kept'))
       return () => look('returned')
     })
     declare function keep(fn: () => void): () => void`,
    { hook: [], timer: [], execution: [], event: [], property: [], kept: [], returned: [] },
  ],
  [
    'functions by their names',
    `await knex.transaction(async (trx) => {
       const inner = async () => { await look('called') }
       await inner()
       const never = async () => { await look('never called') }
       const kept = async () => { await look('kept') }
       afterCommit(trx, kept)
       await kept()
     })
     async function helper() { await look('only from inside') }
     export async function exported() { await look('exported') }
     async function both() { await look('both') }
     async function recursive(n: number) { await look('recursive'); await recursive(n - 1) }
     await knex.transaction(async (trx) => { await helper(); await exported(); await both(); await recursive(1) })
     await both()`,
    {
      called: ['callback trx'],
      'never called': [],
      kept: [],
      'only from inside': ['callback trx'],
      exported: [],
      both: [],
      recursive: ['callback trx'],
    },
  ],
  [
    'a closure called before and after the end',
    `async function f() {
       const trx = await knex.transaction()
       const work = async () => { await look('before the end') }
       const mail = async () => { await look('after the end') }
       await work()
       await trx.commit()
       await mail()
     }`,
    { 'before the end': ['started trx'], 'after the end': [] },
  ],
  [
    "somebody's own function that runs another in a transaction, by custom",
    `declare const model: { withTransaction(fn: () => Promise<void>, name?: string): Promise<void> }
     declare const session: { withTransaction(fn: () => Promise<void>): Promise<void> }
     declare function runInTransaction(fn: (t: Knex.Transaction) => Promise<void>): Promise<void>
     await model.withTransaction(async () => { await look('ambient') }, 'name')
     await runInTransaction(async (trx) => { await look('handed') })
     await session.withTransaction(async () => { await look('mongo') })`,
    { ambient: ['callback'], handed: ['callback trx'], mongo: [] },
  ],
  [
    "other libraries' transactions",
    `declare const idb: { transaction(store: string, fn: (s: object) => void): void }
     declare const store: { transaction(fn: (s: object) => Promise<void>): void }
     idb.transaction('store', async (s) => { await look('idb') })
     store.transaction(async (s) => { await look('other') })`,
    { idb: [], other: [] },
  ],
]

describe('which transactions are open', () => {
  test.each(cases)('%s, with types', (_, code, expected) => {
    expect(extentsIn(`${before}${code}`, true)).toEqual(expected)
  })

  test.each(cases)('%s, by names', (_, code, expected) => {
    const named = code.replaceAll(/\bt\b(?=[,:)])/gu, 'trx')
    const renamed = Object.fromEntries(
      Object.entries(expected).map(([name, open]) => [
        name,
        open.map((extent) => extent.replace(/ t$/u, ' trx')),
      ]),
    )
    expect(extentsIn(`${before}${named}`, false)).toEqual(renamed)
  })

  test('functions named in the settings run what they are handed in a transaction', () => {
    const code = `declare function atomically(fn: () => Promise<void>): Promise<void>
      await atomically(async () => { await look('in') })`
    expect(extentsIn(code, false, { transactionFunctions: ['atomically'] })).toEqual({ in: ['callback'] })
    expect(extentsIn(code, true)).toEqual({ in: [] })
  })

  test("a file of another library's has none", () => {
    const code = `import { db } from 'drizzle-orm'
      await db.transaction(async (tx) => { await look('in') })`
    expect(extentsIn(code, false)).toEqual({ in: [] })
  })
})
