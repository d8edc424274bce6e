import { classifyKnex } from '@knex-flatten/sql-support'
import { blockHere } from '../routing/blocks.ts'
import { writePrevented } from '../routing/verdicts.ts'
import { failedStatement, shortenSql } from '../transaction/failure.ts'
import { writeInReadOnlyScope } from '../transaction/read-only-verdicts.ts'
import { blockInside, rollbackOnly, unexpectedRollback } from '../transaction/verdicts.ts'
import { siteOf } from './asked-at.ts'
import { countCrossing, refuseBegin } from './crossings.ts'
import { runControl, SCOPE_RELEASE, SCOPE_ROLLBACK } from './control-statements.ts'
import type { Guard } from './guard.ts'
import type { Connection, KnexClient, QueryObject } from './internals.ts'
import { LazyConnection } from './lazy-connection.ts'
import { isPromised } from './opening.ts'
import { type Control, frameOf, type OpenRoot } from './transaction-state.ts'

export type Send = (connection: Connection, statement: string | QueryObject) => Promise<QueryObject>

/** Sends a statement of a transaction, its own or the application's, or answers it without sending. */
export function sendInside(
  guard: Guard | undefined,
  open: OpenRoot,
  client: KnexClient,
  connection: Connection,
  statement: string | QueryObject,
  send: Send,
): Promise<QueryObject> {
  if (typeof statement === 'string') {
    if (statement === SCOPE_RELEASE || statement === SCOPE_ROLLBACK) return answered(statement)
    if (open.control) return guardedControl(guard, open, open.control, client, statement, send)
  }
  const refusal = refuseStatement(open, client, statement)
  if (refusal) return Promise.reject(refusal)
  const sendGuarded = (real: Connection): Promise<QueryObject> => {
    const unfit = refuseUnfit(guard, open, client, real, statement)
    const refused = unfit ?? countCrossing(open, client, statement)
    if (refused) return Promise.reject(refused)
    noteStatement(open, statement)
    return send(real, statement)
  }
  return connection instanceof LazyConnection ? connection.ready().then(sendGuarded) : sendGuarded(connection)
}

/**
 * Why a statement cannot run on the server behind a connection. PostgreSQL would have aborted the transaction with that, which can only be
 * rolled back from then on.
 */
export function refuseUnfit(
  guard: Guard | undefined,
  open: OpenRoot | undefined,
  client: KnexClient,
  connection: Connection,
  statement: string | QueryObject,
  isStream?: boolean,
): Error | undefined {
  const refusal = guard?.refusalOf(statement, client, connection, isStream)
  if (!refusal || !open) return refusal
  const frame = frameOf(client, open)
  frame.unit.doom(failedStatement(frame, refusal, typeof statement === 'string' ? statement : statement.sql))
  return refusal
}

/** Takes note of what is about to be sent: where a request's reads are to show it, also whether it writes. */
export function noteStatement({ root }: OpenRoot, statement: string | QueryObject): void {
  root.statements++
  if (!root.isInRequest || root.wrote) return
  root.wrote = writes(typeof statement === 'string' ? statement : statement.sql)
}

/** `BEGIN … SERIALIZABLE` is refused too; whether the server allows savepoints, who sets one has asked. */
function guardedControl(
  guard: Guard | undefined,
  open: OpenRoot,
  control: Control,
  client: KnexClient,
  sql: string,
  send: Send,
): Promise<QueryObject> {
  const real = open.lazy?.real ?? open.connection
  const unfit =
    control === 'begin'
      ? (refuseUnfit(guard, open, client, real, sql) ?? refuseBegin(open, client, sql))
      : undefined
  if (!unfit) return sendControl(open, control, sql, send)
  open.beginError = unfit
  return Promise.reject(unfit)
}

/** Why a statement of the application's must not be sent. */
export function refuseStatement(
  open: OpenRoot,
  client: KnexClient,
  statement: string | QueryObject,
): Error | undefined {
  const frame = frameOf(client, open)
  const { failure } = frame.unit
  const sql = typeof statement === 'string' ? statement : statement.sql
  if (failure) return rollbackOnly(frame, failure, `The statement\n    ${shortenSql(sql)}\nwas not sent`)
  const prevented = refuseWriteHere(statement) ?? refuseModeHere(open)
  if (prevented) return prevented
  // Of a root that is read-only itself PostgreSQL takes care.
  if (!frame.readOnly || open.root.readOnly) return undefined
  return writes(sql) ? writeInReadOnlyScope(frame, sql, siteOf(statement)) : undefined
}

/** Why a statement must not be sent from inside `preventWrites()`. */
export function refuseWriteHere(statement: string | QueryObject): Error | undefined {
  if (!blockHere().preventsWrites) return undefined
  const sql = typeof statement === 'string' ? statement : statement.sql
  return writes(sql) ? writePrevented(sql) : undefined
}

/** Why a statement must not be sent from inside `withConsistency()` that was entered when the transaction had begun. */
function refuseModeHere({ root }: OpenRoot): Error | undefined {
  const { consistency } = blockHere()
  if (consistency === undefined || consistency === root.blockMode) return undefined
  return isPromised(consistency, root.consistency) ? undefined : blockInside(root, consistency)
}

/** Whether a text, as Knex takes it, may store something. */
export function writes(sql: string): boolean {
  return classifyKnex(sql).some((statement) => statement.writes)
}

/** Nothing that has not begun needs an end. */
function sendControl(open: OpenRoot, control: Control, sql: string, send: Send): Promise<QueryObject> {
  const { lazy, connection, root } = open
  const sendTo = (real: Connection): Promise<QueryObject> => {
    root.crossings?.control(control)
    return runControl(open, control, sql, (text) => send(real, text))
  }
  if (!lazy) return sendTo(connection)
  if (control === 'begin') return sendTo(lazy.real!)
  // A savepoint asks for BEGIN as any statement does.
  if (control === 'savepoint') return lazy.ready().then(sendTo)
  if (!lazy.wanted || (control === 'rollback' && !lazy.real)) {
    return runControl(open, control, sql, () => answered(sql))
  }
  return lazy.ready().then(
    sendTo,
    // It never began, and a statement that was to be in it has failed for that.
    () =>
      runControl(open, control, sql, () =>
        control === 'commit' ? Promise.reject(unexpectedRollback(root, root.failure!)) : answered(sql),
      ),
  )
}

function answered(sql: string): Promise<QueryObject> {
  return Promise.resolve({ sql, bindings: [] })
}
