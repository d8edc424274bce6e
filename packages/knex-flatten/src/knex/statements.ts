import { classifyKnex } from '@knex-flatten/sql-support'
import { shortenSql } from '../transaction/failure.ts'
import { rollbackOnly, unexpectedRollback, writeInReadOnlyScope } from '../transaction/verdicts.ts'
import { runControl, SCOPE_RELEASE, SCOPE_ROLLBACK } from './control-statements.ts'
import type { Connection, KnexClient, QueryObject } from './internals.ts'
import { LazyConnection } from './lazy-connection.ts'
import { type Control, frameOf, type OpenRoot } from './transaction-state.ts'

type Send = (connection: Connection, statement: string | QueryObject) => Promise<QueryObject>

/** Sends a statement of a transaction, its own or the application's, or answers it without sending. */
export function sendInside(
  open: OpenRoot,
  client: KnexClient,
  connection: Connection,
  statement: string | QueryObject,
  send: Send,
): Promise<QueryObject> {
  if (typeof statement === 'string') {
    if (statement === SCOPE_RELEASE || statement === SCOPE_ROLLBACK) return answered(statement)
    if (open.control) return sendControl(open, open.control, statement, send)
  }
  const refusal = refuseStatement(open, client, statement)
  if (refusal) return Promise.reject(refusal)
  if (!(connection instanceof LazyConnection)) return send(connection, statement)
  return connection.ready().then((real) => send(real, statement))
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
  // Of a root that is read-only itself PostgreSQL takes care.
  if (!frame.readOnly || open.root.readOnly) return undefined
  return classifyKnex(sql).some(({ writes }) => writes) ? writeInReadOnlyScope(frame, sql) : undefined
}

/** Nothing that has not begun needs an end. */
function sendControl(open: OpenRoot, control: Control, sql: string, send: Send): Promise<QueryObject> {
  const { lazy, connection, root } = open
  if (!lazy) return runControl(open, control, sql, (text) => send(connection, text))
  if (control === 'begin') return runControl(open, control, sql, (text) => send(lazy.real!, text))
  // A savepoint asks for BEGIN as any statement does.
  if (control === 'savepoint') return lazy.ready().then((real) => send(real, sql))
  if (!lazy.wanted || (control === 'rollback' && !lazy.real)) {
    return runControl(open, control, sql, () => answered(sql))
  }
  return lazy.ready().then(
    (real) => runControl(open, control, sql, (text) => send(real, text)),
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
