import { classifyKnex } from '@knex-flatten/sql-support'
import type { Shadow } from '../observe/shadow.ts'
import { failedStatement } from '../transaction/failure.ts'
import type { Frame } from '../transaction/frame.ts'
import type { Connection, KnexClient, QueryObject } from './internals.ts'
import { shadowOn, watchedFrame } from './observed-state.ts'
import { isLost, raisedByServer } from './wire-errors.ts'

/** A statement of the application's: would it have been sent? */
export function watchStatement(
  client: KnexClient,
  connection: Connection,
  { sql }: QueryObject,
  answer: Promise<unknown>,
): void {
  const shadow = shadowOn(connection)
  if (!shadow) return
  const frame = watchedFrame(client, shadow)
  const after = shadow.root.failure
  const writes = !after && writesUnasked(shadow, frame, sql)
  if (!after && !writes) return
  const settled = (error?: unknown): void => {
    if (after) shadow.statementSettled(frame, sql, error)
    else if (error === undefined) shadow.tell({ kind: 'write-in-read-only-scope', frame, sql })
  }
  answer.then(() => settled(), settled)
}

/** Knex does not make a scope read-only because it was asked to. */
function writesUnasked({ root }: Shadow, frame: Frame, sql: string): boolean {
  return frame.readOnly && !root.readOnly && classifyKnex(sql).some(({ writes }) => writes)
}

/** What the server answered, heard before Knex puts the SQL in front of an error's message. */
export function watchAnswer(
  client: KnexClient,
  connection: Connection,
  { sql }: QueryObject,
  answer: Promise<unknown>,
): void {
  const shadow = shadowOn(connection)
  if (!shadow) return
  answer.then(undefined, (error: unknown) => {
    if (!raisedByServer(error) && !isLost(connection.__knex__disposed)) return
    shadow.statementFailed(failedStatement(watchedFrame(client, shadow), error, sql))
  })
}
