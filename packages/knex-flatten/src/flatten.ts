import type { Knex } from 'knex'
import { wrapClient } from './knex/wrap.ts'
import { checkFlattenOptions } from './options/flatten-settings.ts'
import type { FlattenOptions } from './options/options.ts'

/**
 * Makes nested transactions of a Knex instance join the transaction around them, so that SAVEPOINT is never sent.
 *
 * Every transaction opened on the instance from now on is concerned, however it is opened: `knex.transaction()`,
 * `trx.transaction()`, `trx.savepoint()`, `transactionProvider()`, `batchInsert()`, migrations, Objection. A scope, as
 * a nested transaction is called here, cannot be undone alone: when it fails, its root can only be rolled back, and
 * says so to whoever still expects a COMMIT.
 *
 * @param knex - an instance on PostgreSQL (`client: 'pg'`); wrapping it again is harmless.
 * @returns the same instance.
 * @throws TransactionOptionsError for a transaction, for another dialect and for a wrong option.
 *
 * @example
 * ```ts
 * import createKnex from 'knex'
 * import { flatten } from 'knex-flatten'
 *
 * const db = flatten(createKnex({ client: 'pg', connection: 'postgres://reader.local/shop' }))
 * ```
 */
export function flatten<Instance extends Knex>(knex: Instance, options?: FlattenOptions): Instance {
  wrapClient(knex, checkFlattenOptions(options))
  return knex
}
