import { crossingsExceeded, manyCrossings } from '../crossings/verdicts.ts'
import { publish } from '../events/publish.ts'
import { transactionInfoOf } from '../events/info.ts'
import { failedStatement } from '../transaction/failure.ts'
import type { KnexClient, QueryObject } from './internals.ts'
import { warn } from './log.ts'
import { frameOf, type OpenRoot, stateOf, transactionBehind } from './transaction-state.ts'

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
