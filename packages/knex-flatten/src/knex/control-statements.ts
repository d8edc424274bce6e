import { commitAnsweredRollback } from '../transaction/verdicts.ts'
import type { QueryObject } from './internals.ts'
import type { OpenRoot } from './transaction-state.ts'
import { isServerError } from './wire-errors.ts'

/** Knex ends a scope by a statement; these two are answered here and never sent. */
export const SCOPE_RELEASE = 'RELEASE /* flattened by knex-flatten */'
/** Knex takes a rollback for one without an error only where its text starts with this word. */
export const SCOPE_ROLLBACK = 'ROLLBACK /* flattened by knex-flatten */'

/**
 * Runs a statement of the transaction's own, and learns from its answer whether the server still holds a transaction.
 *
 * It must be learnt here, before Knex hears of the answer and gives the connection back.
 */
export function runControlStatement(
  open: OpenRoot,
  sql: string,
  send: () => Promise<QueryObject>,
): Promise<QueryObject> {
  switch (sql) {
    case SCOPE_RELEASE:
    case SCOPE_ROLLBACK:
      return Promise.resolve({ sql, bindings: [] })
    case 'COMMIT;':
      return commit(open, send())
    case 'ROLLBACK':
      return rollback(open, send())
    default:
      return begin(open, send())
  }
}

async function begin(open: OpenRoot, sent: Promise<QueryObject>): Promise<QueryObject> {
  open.closed = false
  try {
    return await sent
  } catch (error) {
    open.closed = isServerError(error)
    open.beginError = error
    throw error
  }
}

/** PostgreSQL answers the COMMIT of an aborted transaction with ROLLBACK, and calls that a success. */
async function commit(open: OpenRoot, sent: Promise<QueryObject>): Promise<QueryObject> {
  try {
    const answer = await sent
    open.closed = true
    if (answer.response?.command === 'ROLLBACK') throw commitAnsweredRollback(open.root, open.root.failure)
    return answer
  } catch (error) {
    if (isServerError(error)) open.closed = true
    open.commitError = error
    throw error
  }
}

/** A ROLLBACK that could not be sent happens all the same, when the connection goes; the reason for it matters more. */
async function rollback(open: OpenRoot, sent: Promise<QueryObject>): Promise<QueryObject> {
  try {
    const answer = await sent
    open.closed = true
    return answer
  } catch {
    return { sql: 'ROLLBACK', bindings: [] }
  }
}
