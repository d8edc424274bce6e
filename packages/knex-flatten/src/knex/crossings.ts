import { crossingsExceeded, manyCrossings } from '../crossings/verdicts.ts'
import { crossesAlone } from '../crossings/crossing-count.ts'
import { TransactionOptionsError } from '../errors/errors.ts'
import { publish } from '../events/publish.ts'
import { transactionInfoOf } from '../events/info.ts'
import { failedStatement } from '../transaction/failure.ts'
import type { Instance } from './instance.ts'
import { requestAround } from './request-sessions.ts'
import { routeOn } from './route-on.ts'
import type { Connection, KnexClient, QueryObject } from './internals.ts'
import { warn } from './log.ts'
import { frameOf, type OpenRoot, stateOf, transactionBehind } from './transaction-state.ts'

/** Counts a statement outside of any transaction that is about to be sent, if it crosses and is made in a request. */
export function countOutside(
  instance: Instance,
  connection: Connection,
  statement: string | QueryObject,
): void {
  const request = requestAround(instance)
  if (!request) return
  const sql = typeof statement === 'string' ? statement : statement.sql
  const route = instance.route && routeOn(connection, instance.route)
  if (crossesAlone(sql, route, instance.crossings)) request.scope.crossings++
}

/** How often the request has crossed that the caller runs in. @throws TransactionOptionsError outside of any */
export function crossingsOfRequest(instance: Instance): number {
  const request = requestAround(instance)
  if (request) return request.scope.crossings
  throw new TransactionOptionsError(
    'crossingsOf(db): this is neither inside a transaction nor inside a request scope. Pass the trx that the callback was handed, or call it inside ' +
      'requestScope(db, fn) of knex-flatten/consistency.',
  )
}

/**
 * Counts a statement of a transaction that is about to be sent, if it crosses to the writer.
 *
 * @returns why it must not be sent: with it the transaction would cross too often, which can only be rolled back from then on
 */
export function countCrossing(
  open: OpenRoot,
  client: KnexClient,
  statement: string | QueryObject,
): Error | undefined {
  const { root } = open
  const { crossings } = root
  const sql = typeof statement === 'string' ? statement : statement.sql
  const verdict = crossings?.statement(sql) ?? 'fine'
  if (verdict === 'fine') return undefined
  const tell = (limit: number): void =>
    publish('knex-flatten:crossings', () => ({
      transaction: transactionInfoOf(root),
      verdict: verdict === 'warn' ? 'sent' : 'refused',
      limit,
      sql,
    }))
  const { warn: warned, max } = stateOf(transactionBehind(root)!).instance.settings.crossings!
  if (verdict === 'warn') {
    tell(warned!)
    warn(client, manyCrossings(root, crossings!, warned!))
    return undefined
  }
  tell(max!)
  const frame = frameOf(client, open)
  const error = crossingsExceeded(frame, sql, { crossings: crossings!, max: max! })
  frame.unit.doom(failedStatement(frame, error, sql))
  return error
}
