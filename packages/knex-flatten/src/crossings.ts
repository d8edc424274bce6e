import type { Knex } from 'knex'
import { rootOf } from './knex/running-frame.ts'

/**
 * How often a transaction has crossed to the writer so far; see `crossings` of {@link flatten}.
 *
 * @param trx - a transaction or scope, ended or not, or with `ambient` the instance inside of one.
 * @throws TransactionOptionsError outside of a transaction.
 */
export function crossingsOf(trx: Knex): number {
  return rootOf(trx, 'crossingsOf').crossings?.total ?? 0
}
