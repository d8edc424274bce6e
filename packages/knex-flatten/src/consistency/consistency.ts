import type { Knex } from 'knex'
import type { ConsistencyMode } from '../options/options.ts'
import { runInBlock } from '../routing/blocks.ts'
import { runRequest, tokenOfRequest, waitForReaders } from '../knex/requests.ts'
import {
  checkMode,
  checkScopeOptions,
  checkWaitOptions,
  type RequestPolicy,
  type RequestScopeOptions,
  type TokenOptions,
  type WaitForReaderOptions,
} from './options.ts'

export type { RequestPolicy, RequestScopeOptions, TokenOptions, WaitForReaderOptions }

/**
 * Runs a function so that its reads, and those of everything it calls, show what was written in it before: in a pool the next query runs in another
 * session, which has written nothing and waits for nothing.
 *
 * There is nothing to pass along. A scope inside another of the same instance is a part of it.
 *
 * @param db - what `flatten()` or `route()` returned.
 * @returns what `fn` returns.
 * @throws TransactionOptionsError for a wrong option, `{ policy: 'writer' }` without a writer, and another policy, or budget, than that
 *   of the scope around.
 *
 * @example
 * ```ts
 * await requestScope(db, async () => {
 *   await placeOrder(db, order)
 *   return db('orders').where({ id: order.id }).first() // finds it
 * })
 * ```
 */
export async function requestScope<Result>(
  db: Knex,
  fn: () => Result,
  options: RequestScopeOptions = {},
): Promise<Awaited<Result>> {
  return runRequest(db, fn, checkScopeOptions(options))
}

/**
 * Runs a function so that what it reads on readers, and what all it calls reads there, waits for what a mode says: queries, and transactions that begin in it
 * and do not ask for another mode themselves.
 *
 * @returns what `fn` returns.
 * @throws TransactionOptionsError for what is no mode. What is asked, inside, of a transaction that began before with less is refused with the same.
 *
 * @example
 * ```ts
 * const newest = await withConsistency('eventual', () => db('posts').orderBy('id', 'desc').limit(10))
 * ```
 */
export function withConsistency<Result>(mode: ConsistencyMode, fn: () => Result): Result {
  checkMode(mode)
  return runInBlock({ consistency: mode }, fn)
}

/**
 * The last write of the request scope that the caller runs in, as a text for a cookie or a header: the next request passes it to
 * {@link requestScope}, in this process or in another one, in this Region or in another one.
 *
 * @param db - the instance that the scope is of.
 * @returns `undefined` where nothing was written in it.
 * @throws TransactionOptionsError outside of a request scope.
 */
export function causalityToken(db: Knex): string | undefined {
  return tokenOfRequest(db)
}

/**
 * Waits until every reader of an instance shows what a token stands for; on a writer there is nothing to wait for.
 *
 * @param token - what {@link causalityToken} returned.
 * @throws ReaderBehindError where it takes too long, or the reader cannot tell.
 * @throws TransactionOptionsError for what is no token, or not signed by one of the keys.
 */
export async function waitForReader(
  db: Knex,
  token: string,
  options: WaitForReaderOptions = {},
): Promise<void> {
  await waitForReaders(db, token, checkWaitOptions(options))
}
