import rule from '../../src/rules/no-unsupported-isolation.ts'
import { flagged as flaggedAs, measured, silent } from '../knex-code.ts'
import { typed, untyped } from '../rule-tester.ts'

const flagged = (name: string, body: string, messageId: 'serializable' | 'readWrite' = 'serializable') =>
  flaggedAs(name, body, messageId)

const refusingReadWrite = measured({ 'read-write': { verdict: 'refuse', known: 'measured' } })

typed.run('no-unsupported-isolation, with types', rule, {
  valid: [
    silent(
      'weaker levels',
      'await knex.transaction(async () => {}, { isolationLevel: "repeatable read" }); await trx.raw("BEGIN ISOLATION LEVEL REPEATABLE READ")',
    ),
    silent(
      'no level',
      'await knex.transaction(async () => {}); await knex.transaction({ readOnly: true }); await knex.transaction(undefined)',
    ),
    silent(
      "another library's option",
      'declare const sequelize: { transaction(options: { isolationLevel: string }): void }; sequelize.transaction({ isolationLevel: "SERIALIZABLE" })',
    ),
    silent(
      'an option of nobody',
      'const a = { isolationLevel: "serializable" }; const { isolationLevel } = a; console.log(isolationLevel)',
    ),
    silent(
      'a level that cannot be told',
      'declare const level: Knex.IsolationLevels; await knex.transaction({ isolationLevel: level })',
    ),
    silent('READ WRITE, which a forwarding reader takes', 'await client.query("BEGIN READ WRITE")'),
    silent(
      'other settings',
      'await trx.raw("SET statement_timeout = 1"); await trx.raw("SHOW default_transaction_isolation")',
    ),
    {
      ...silent(
        'what only ever talks to the writer',
        'const writer = knex; await writer.transaction({ isolationLevel: "serializable" })',
      ),
      settings: { 'knex-flatten': { writerOnly: ['writer'] } },
    },
    {
      ...silent(
        'what a profile has measured to work',
        'await knex.transaction({ isolationLevel: "serializable" }); await trx.raw("BEGIN ISOLATION LEVEL SERIALIZABLE")',
      ),
      ...measured({ serializable: { verdict: 'forward', known: 'measured' } }),
    },
  ],
  invalid: [
    flagged('an option', 'await knex.transaction(async () => {}, { isolationLevel: ‹"serializable"› })'),
    flagged('an option without a callback', 'await knex.transaction({ isolationLevel: ‹"serializable"› })'),
    flagged(
      'an option behind nothing',
      'await knex.transaction(null as any, { readOnly: false, isolationLevel: ‹"serializable"› })',
    ),
    flagged('an option of a provider', 'knex.transactionProvider({ isolationLevel: ‹"serializable"› })'),
    flagged(
      'a level in a constant',
      'const LEVELS = { strict: "serializable" } as const; await knex.transaction({ isolationLevel: ‹LEVELS.strict› })',
    ),
    flagged(
      'options in a constant',
      'const options = { isolationLevel: ‹"serializable"› } as const; await knex.transaction(options)',
    ),
    flagged(
      'options of Knex for a function',
      'declare function run(options: Knex.TransactionConfig): void; run({ isolationLevel: ‹"serializable"› })',
    ),
    flagged(
      'options of Knex in a variable',
      'const options: Knex.TransactionConfig = { isolationLevel: ‹"serializable"› }',
    ),
    flagged(
      'Objection',
      'await (User.transaction as any)(knex, async () => {}, { isolationLevel: ‹"serializable"› })'.replace(
        '(User.transaction as any)',
        '(User as any).transaction',
      ),
    ),
    flagged('BEGIN', 'await client.query("BEGIN TRANSACTION ISOLATION LEVEL ‹SERIALIZABLE›")'),
    flagged('SET TRANSACTION', 'await trx.raw("SET TRANSACTION ISOLATION LEVEL ‹serializable›")'),
    flagged(
      'the session',
      'await trx.raw("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL ‹SERIALIZABLE›")',
    ),
    flagged(
      'the default',
      "await trx.raw(`SET default_transaction_isolation = ‹'serializable'›`); await trx.raw(`SELECT set_config('default_transaction_isolation', ‹'serializable'›, false)`)",
    ),
    {
      ...flagged('READ WRITE where it is refused', 'await client.query("BEGIN ‹READ WRITE›")', 'readWrite'),
      ...refusingReadWrite,
    },
    {
      ...flagged(
        'a function that opens transactions',
        'declare function inTransaction(work: () => void, options: object): void; inTransaction(() => {}, { isolationLevel: ‹"serializable"› })',
      ),
      settings: { 'knex-flatten': { transactionFunctions: ['inTransaction'] } },
    },
  ],
})

untyped.run('no-unsupported-isolation, without types', rule, {
  valid: [
    'sequelize.transaction({ isolationLevel: "SERIALIZABLE" }); transaction(); em.transactional(f, { isolationLevel: "serializable" })',
    'import { DataSource } from "typeorm"; db.transaction("SERIALIZABLE", f)',
    'const options = options; knex.transaction(options); knex.transaction({ ...x, isolationLevel })',
  ],
  invalid: [
    {
      code: 'await db.transaction(null, { isolationLevel: "serializable" })',
      errors: [{ messageId: 'serializable' }],
    },
    {
      code: 'await this.knex.transaction({ "isolationLevel": `SERIALIZABLE` })',
      errors: [{ messageId: 'serializable' }],
    },
    {
      code: 'const o = { isolationLevel: "serializable" }; db.transaction(o); knex.transaction(o)',
      errors: [{ messageId: 'serializable' }],
    },
  ],
})
