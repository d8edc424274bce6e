import type { Frame } from '../transaction/frame.ts'
import type { QueryObject } from './internals.ts'
import type { OpenRoot } from './transaction-state.ts'

/** An answer of the server's, after which it waits for the next statement: the connection is whole. */
export function isServerError(error: unknown): boolean {
  const severity = (error as { severity?: unknown } | null)?.severity
  return typeof severity === 'string' && severity !== 'FATAL' && severity !== 'PANIC'
}

/**
 * Dooms the root on what a statement was answered with, and passes the error on.
 *
 * An error that never reached the server (a binding that cannot be written, say) leaves the transaction as it was.
 * It is called before Knex puts the SQL, bindings and all, in front of the error's message.
 */
export function noteFailure(open: OpenRoot, frame: Frame, statement: QueryObject): (error: unknown) => never {
  return (error) => {
    const answered = (error as { severity?: unknown } | null)?.severity !== undefined
    if (answered || open.connection.__knex__disposed !== undefined) {
      const reason = error instanceof Error ? error.message : String(error)
      open.root.doom({ kind: 'statement', frame, error, sql: statement.sql, reason })
    }
    throw error
  }
}
