import type { Knex } from 'knex'
import { crossingsOfRequest } from './knex/crossings.ts'
import { flattenedInstance, rootOf } from './knex/running-frame.ts'

/**
 * How often a transaction, or a request, has crossed to the writer so far; see `crossings` of {@link flatten}.
 *
 * @param on - a transaction or scope, ended or not; or the instance, inside of a `requestScope()`: what was sent in that, in transactions and outside
 *   of them.
 * @throws TransactionOptionsError for the instance outside of a request scope.
 */
export function crossingsOf(on: Knex): number {
  if ((on as Knex | undefined)?.isTransaction) return rootOf(on, 'crossingsOf').crossings?.total ?? 0
  return crossingsOfRequest(flattenedInstance(on, 'crossingsOf(db)'))
}
