import { countAlone, type Overrun } from '../crossings/crossing-count.ts'
import { crossingsExceeded, manyCrossings } from '../crossings/verdicts.ts'
import { TransactionOptionsError } from '../errors/errors.ts'
import { transactionInfoOf } from '../events/info.ts'
import { publish } from '../events/publish.ts'
import { failedStatement } from '../transaction/failure.ts'
import { at } from '../transaction/verdicts.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import type { Instance } from './instance.ts'
import type { Connection, KnexClient, QueryObject } from './internals.ts'
import { warn } from './log.ts'
import { requestAround } from './request-sessions.ts'
import { routeOn } from './route-on.ts'
import { frameOf, type OpenRoot, stateOf, transactionBehind } from './transaction-state.ts'

/**
 * Counts a statement outside of any transaction that is about to be sent, if it crosses and is made in a request.
 *
 * @returns why it must not be sent: with it the request would cross too often
 */
export function countOutside(
  instance: Instance,
  client: KnexClient,
  connection: Connection,
  statement: string | QueryObject,
): Error | undefined {
  const request = requestAround(instance)
  if (!request) return undefined
  const sql = textOf(statement)
  const route = instance.route && routeOn(connection, instance.route)
  const overrun = countAlone(sql, { route, rules: instance.crossings, request: request.scope.crossings })
  return overrun && heed(overrun, instance, { client, sql })
}

/** How often the request has crossed that the caller runs in. @throws TransactionOptionsError outside of any */
export function crossingsOfRequest(instance: Instance): number {
  const request = requestAround(instance)
  if (request) return request.scope.crossings.total
  throw new TransactionOptionsError(
    'crossingsOf(db): this is neither inside a transaction nor inside a request scope. Pass the trx that the callback was handed, or call it inside ' +
      'requestScope(db, fn) of knex-flatten/consistency.',
  )
}

/**
 * Counts a statement of a transaction that is about to be sent, if it crosses to the writer.
 *
 * @returns why it must not be sent: with it the transaction, or its request, would cross too often; it can only be rolled back from then on
 */
export function countCrossing(
  open: OpenRoot,
  client: KnexClient,
  statement: string | QueryObject,
): Error | undefined {
  const sql = textOf(statement)
  const overruns = open.root.crossings?.statement(sql)
  return overruns?.length ? heedInside(overruns, open, client, sql) : undefined
}

/** Why a BEGIN must not be sent. It is counted where it is sent. */
export function refuseBegin(open: OpenRoot, client: KnexClient, sql: string): Error | undefined {
  const overruns = open.root.crossings?.begin()
  return overruns?.length ? heedInside(overruns, open, client, sql) : undefined
}

function heedInside(
  overruns: readonly Overrun[],
  open: OpenRoot,
  client: KnexClient,
  sql: string,
): Error | undefined {
  const { root } = open
  const { instance } = stateOf(transactionBehind(root)!)
  for (const overrun of overruns) {
    const error = heed(overrun, instance, { client, sql, root })
    if (!error) continue
    const frame = frameOf(client, open)
    at(frame, error)
    frame.unit.doom(failedStatement(frame, error, sql))
    return error
  }
  return undefined
}

/** Tells whoever listens, and Knex's log of what is sent all the same. */
function heed(
  overrun: Overrun,
  { knex }: Instance,
  { client, sql, root }: { client: KnexClient; sql: string; root?: RootTransaction },
): ReturnType<typeof crossingsExceeded> | undefined {
  const { verdict, tally } = overrun
  const { warn: many, max } = tally.budget
  publish('knex-flatten:crossings', () => ({
    db: knex,
    transaction: root && transactionInfoOf(root),
    budget: tally.of,
    verdict,
    limit: verdict === 'sent' ? many! : max!,
    sql,
  }))
  if (verdict === 'refused') return crossingsExceeded(sql, overrun, root)
  warn(client, manyCrossings(tally, root))
  return undefined
}

function textOf(statement: string | QueryObject): string {
  return typeof statement === 'string' ? statement : statement.sql
}
