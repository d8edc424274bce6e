import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import type { KnexClient } from './internals.ts'
import { instanceOf } from './wrap.ts'

/**
 * What is the same object for a flattened instance and for all transactions and scopes on it.
 *
 * @throws TransactionOptionsError for a handle of another instance, or for none, naming the function that asks
 */
export function instanceBehind(handle: Knex, asking: string): object {
  const client = (handle as { client?: KnexClient } | null | undefined)?.client
  const instance = client && instanceOf(client)
  if (instance) return instance
  throw new TransactionOptionsError(
    `${asking}: this is neither a flattened instance nor a transaction of one. Pass what flatten(knex) returned, or the trx ` +
      'that the callback of its transaction was handed.',
  )
}
