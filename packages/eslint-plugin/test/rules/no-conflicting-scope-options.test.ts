import rule from '../../src/rules/no-conflicting-scope-options.ts'
import { typed, untyped } from '../rule-tester.ts'
import { underlined } from '../underlined.ts'

const within = (body: string): string => `
import type { Knex } from 'knex'
declare const knex: Knex
declare const trx: Knex.Transaction
declare const work: (trx: Knex.Transaction) => Promise<void>
declare module 'knex' { namespace Knex { interface TransactionConfig { durable?: boolean; retry?: boolean | object; propagation?: string } } }
${body}
`

const silent = (name: string, body: string) => ({ name, code: within(body) })

/** The words underlined stand between ‹ and ›. */
function flagged(
  name: string,
  body: string,
  messageId: 'durable' | 'retry' | 'isolationLevel' | 'readOnly',
  data?: { words: string; where: string },
) {
  const { code, place } = underlined(within(body))
  return { name, code, errors: [{ messageId, ...place, ...(data && { data }) }] }
}

typed.run('no-conflicting-scope-options, with types', rule, {
  valid: [
    silent(
      'options of a root',
      'await knex.transaction(work, { isolationLevel: "serializable", readOnly: false })',
    ),
    silent(
      'a nested transaction that asks for nothing',
      'await trx.transaction(work); await trx.transaction(work, {})',
    ),
    silent(
      'the level that every root has',
      'await trx.transaction(work, { isolationLevel: "read committed" })',
    ),
    silent('less than the root around has', 'await trx.transaction(work, { readOnly: true })'),
    silent(
      "the root's own level, and a weaker one",
      'await knex.transaction(async (t) => { await t.transaction(work, { isolationLevel: "serializable" }); await t.transaction(work, { isolationLevel: "repeatable read" }) }, { isolationLevel: "serializable" })',
    ),
    silent(
      "the root's own level, in promise form",
      'const t = await knex.transaction({ isolationLevel: "repeatable read" }); await t.transaction(work, { isolationLevel: "snapshot" })',
    ),
    silent(
      'that it may write, where the root may',
      'await knex.transaction(async (t) => { await t.transaction(work, { readOnly: false }) })',
    ),
    silent(
      'a transaction of its own',
      'await trx.transaction(work, { propagation: "requires-new", durable: true }); await trx.transaction(work, { propagation: "not-supported", readOnly: false })',
    ),
    silent('options switched off', 'await trx.transaction(work, { durable: false, retry: false })'),
    silent(
      'options that are not known',
      'declare const options: { durable: boolean }; await trx.transaction(work, options)',
    ),
    silent(
      'another transaction of the same name',
      'declare const idb: { transaction(stores: string[], options: object): void }; idb.transaction(["a"], { durable: true })',
    ),
    silent(
      'a guard',
      'async function f(db: Knex) { if (db.isTransaction) return; await db.transaction(work, { durable: true }) } await f(trx)',
    ),
    silent(
      'a function that nobody hands a transaction',
      'async function f(db: Knex) { await db.transaction(work, { durable: true }) } await f(knex)',
    ),
    {
      ...silent(
        'what only ever talks to the writer',
        'declare const admin: Knex.Transaction; await admin.transaction(work, { durable: true })',
      ),
      settings: { 'knex-flatten': { writerOnly: ['admin'] } },
    },
  ],
  invalid: [
    flagged('durable', 'await trx.transaction(work, { durable: ‹true› })', 'durable', {
      words: 'durable: true',
      where: '',
    }),
    flagged('retry', 'await trx.transaction(work, { retry: ‹true› })', 'retry'),
    flagged('retry with its settings', 'await trx.transaction(work, { retry: ‹{ attempts: 3 }› })', 'retry'),
    flagged(
      'a level',
      'await trx.transaction(work, { isolationLevel: ‹"repeatable read"› })',
      'isolationLevel',
    ),
    flagged(
      'a level in promise form',
      'const t = await trx.transaction({ isolationLevel: ‹"serializable"› })',
      'isolationLevel',
    ),
    flagged(
      'a level behind nothing',
      'const t = await trx.transaction(undefined, { isolationLevel: ‹"snapshot"› })',
      'isolationLevel',
    ),
    flagged(
      'a level in a constant',
      'const options = { isolationLevel: ‹"serializable"› } as const; await trx.transaction(work, options)',
      'isolationLevel',
    ),
    flagged(
      "more than the root's level",
      'await knex.transaction(async (t) => { await t.transaction(work, { isolationLevel: ‹"serializable"› }) }, { isolationLevel: "repeatable read" })',
      'isolationLevel',
    ),
    flagged(
      'a level that the root does not say',
      'await knex.transaction(async (t) => { await t.transaction(work, { isolationLevel: ‹"repeatable read"› }) })',
      'isolationLevel',
    ),
    flagged(
      'what a nested transaction around it, and no root, was given',
      'await trx.transaction(async (t) => { await t.transaction(work, { isolationLevel: ‹"snapshot"› }) })',
      'isolationLevel',
    ),
    flagged(
      'writes inside a read-only root',
      'await knex.transaction(async (t) => { await t.transaction(work, { readOnly: ‹false› }) }, { readOnly: true })',
      'readOnly',
    ),
    flagged(
      'writes inside a root that is not in sight',
      'await trx.transaction(work, { readOnly: ‹false› })',
      'readOnly',
    ),
    flagged(
      'through a call',
      'async function save(db: Knex) { await db.transaction(work, { durable: true }) } await save(‹trx›)',
      'durable',
      {
        words: 'durable: true',
        where: 'Handed to `save` (fixtures/file.ts:7), which opens a nested transaction with ',
      },
    ),
    {
      name: 'two at once',
      code: within('await trx.transaction(work, { durable: true, isolationLevel: "serializable" })'),
      errors: [{ messageId: 'durable' }, { messageId: 'isolationLevel' }],
    },
  ],
})

untyped.run('no-conflicting-scope-options, without types', rule, {
  valid: [
    'knex.transaction(work, { durable: true })',
    'trx.transaction(work, options)',
    'trx.transaction(work, { ...options })',
  ],
  invalid: [
    { code: 'trx.transaction(work, { durable: true })', errors: [{ messageId: 'durable' }] },
    {
      code: 'knex.transaction(async (t) => { await t.transaction(work, { retry: {} }) })',
      errors: [{ messageId: 'retry' }],
    },
  ],
})
