import type { Knex } from 'knex'
import { routeInstance } from '../knex/route-instance.ts'
import { rootOf } from '../knex/running-frame.ts'
import { hint, runInBlock } from './blocks.ts'
import type { RouteChoice } from './choice.ts'
import { checkRouteOptions, type RouteOptions } from './options.ts'

export type { RouteOptions }
export { routeReasons, type RouteChoice, type RouteReason, type Target } from './choice.ts'
export type { Writes } from './strategy.ts'

/**
 * Makes one Knex instance of several: what only reads runs on a reader near by, what writes reaches the writer.
 *
 * The code that uses it is the same everywhere; which pools there are is a matter of a Region's configuration. The instance is
 * flattened: see {@link flatten}, whose options it takes. A transaction runs where it begins, to its end.
 *
 * @param options - the pools, as plain Knex instances on PostgreSQL that are used for nothing else from now on.
 * @returns the first of them, which stands for all; `destroy()` closes all.
 * @throws TransactionOptionsError where a pool is missing, given twice, or no plain Knex instance, and for a wrong option.
 *
 * @example
 * ```ts
 * const db = route({
 *   reader: createKnex({ client: 'pg', connection: 'postgres://reader.local/shop' }),
 *   writer: createKnex({ client: 'pg', connection: 'postgres://writer.far/shop' }),
 * })
 * ```
 */
export function route(options: RouteOptions): Knex {
  return routeInstance(checkRouteOptions(options))
}

/**
 * Where a transaction runs, and why.
 *
 * @param trx - a transaction or scope, ended or not, or with `ambient` the instance inside of one.
 * @returns `undefined` where its instance has one pool only, and with `lazyBegin` before its first statement.
 * @throws TransactionOptionsError outside of a transaction.
 */
export function routeOf(trx: Knex): RouteChoice | undefined {
  return rootOf(trx, 'routeOf').route
}

/** Runs a query on the writer. @returns the builder. */
export function onWriter<Builder extends object>(builder: Builder): Builder {
  hint(builder, 'writer')
  return builder
}

/** Runs a query on a reader, although it may write: a function, say, that only its author knows. @returns the builder. */
export function onReader<Builder extends object>(builder: Builder): Builder {
  hint(builder, 'reader')
  return builder
}

/** Runs on the writer whatever `fn`, and what it calls, asks of routed instances. @returns what `fn` returns. */
export function withWriter<Result>(fn: () => Result): Result {
  return runInBlock({ onWriter: true }, fn)
}

/**
 * Refuses with `ReadOnlyUpgradeError`, before it is sent, whatever `fn`, and what it calls, would write by flattened and routed instances.
 *
 * @returns what `fn` returns.
 */
export function preventWrites<Result>(fn: () => Result): Result {
  return runInBlock({ preventsWrites: true }, fn)
}
