import type { Frame } from '../transaction/frame.ts'
import type { QueryObject } from './internals.ts'
import type { OpenRoot } from './transaction-state.ts'

/** The server has said so itself: an error of the driver's or of Knex's carries no severity. */
export function raisedByServer(error: unknown): boolean {
  return typeof (error as { severity?: unknown } | null | undefined)?.severity === 'string'
}

/**
 * Dooms the root on what a statement was answered with, and passes the error on.
 *
 * An error that never reached the server (a binding that cannot be written, say) leaves the transaction as it was.
 * It is called before Knex puts the SQL in front of the error's message.
 */
export function noteFailure(open: OpenRoot, frame: Frame, statement: QueryObject): (error: unknown) => never {
  return (error) => {
    if (raisedByServer(error) || isLost(open.connection.__knex__disposed)) {
      const reason = error instanceof Error ? error.message : String(error)
      open.root.doom({ kind: 'statement', frame, error, sql: statement.sql, reason })
    }
    throw error
  }
}

/** Knex also marks a connection whose statement it has given up waiting for; the transaction on it lives. */
function isLost(mark: unknown): boolean {
  return mark !== undefined && (mark as Error).name !== 'KnexTimeoutError'
}
