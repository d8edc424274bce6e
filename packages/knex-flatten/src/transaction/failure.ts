import type { Frame } from './frame.ts'

/** What a transaction's fate was decided by: the first thing that went wrong in it. */
export interface Failure {
  /**
   * - `statement`: PostgreSQL refused a statement, and has aborted the transaction with it;
   * - `scope-failed`: a scope's callback threw, or its `rollback(error)` was called;
   * - `scope-rolled-back`: a scope's `rollback()` was called without an error;
   * - `scope-open`: something was ended while a scope inside it was still running, or waited for one in vain;
   * - `hook-failed`: a `beforeCommit` hook threw;
   * - `rollback-only`: `setRollbackOnly()` was called.
   */
  readonly kind:
    'statement' | 'scope-failed' | 'scope-rolled-back' | 'scope-open' | 'hook-failed' | 'rollback-only'
  /** The scope, or the root itself, in which it happened. */
  readonly frame: Frame
  /** What was thrown; `undefined` after a bare `rollback()`. */
  readonly error: unknown
  /** The SQL of a failed statement, without its bindings. */
  readonly sql?: string
  /** The database's own code and words, without the SQL that Knex puts before them. */
  readonly reason?: string
  /** The connection is gone, which no care of the application's would have avoided. */
  readonly lost?: boolean
}

/**
 * A statement's failure; to be told before Knex puts the SQL in front of the error's message.
 *
 * @param told - what its caller hears in the place of the error.
 */
export function failedStatement(
  frame: Frame,
  error: unknown,
  sql: string,
  lost = false,
  told = error,
): Failure {
  const reason = `${codeOf(error)}${error instanceof Error ? error.message : String(error)}`
  return { kind: 'statement', frame, error: told, sql, reason, lost }
}

const LONGEST_SQL = 400

/** One failure told in a few lines: what failed, in which scope, opened where. */
export function tellFailure(failure: Failure): string {
  const { frame } = failure
  switch (failure.kind) {
    case 'statement':
      return [
        `This statement failed in the ${frame}:`,
        `    ${shortenSql(failure.sql ?? '(unknown statement)')}`,
        `    ${failure.reason ?? tellError(failure.error)}`,
      ].join('\n')
    case 'scope-failed':
      return `The ${frame} failed:\n    ${codeOf(failure.error)}${tellError(failure.error)}`
    case 'scope-rolled-back':
      return `The ${frame} was rolled back by a call of its rollback().`
    case 'scope-open':
      return tellError(failure.error)
    case 'hook-failed':
      return `A beforeCommit hook failed:\n    ${codeOf(failure.error)}${tellError(failure.error)}`
    case 'rollback-only':
      return `It was marked by setRollbackOnly() in the ${frame}: ${tellError(failure.error)}`
  }
}

/** SQL for a message: on one line, and not for ever. */
export function shortenSql(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim()
  return line.length > LONGEST_SQL ? `${line.slice(0, LONGEST_SQL)} …` : line
}

/** What was thrown may be anything; whoever tells of it is about to roll back and must not fail. */
export function tellError(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  } catch {
    return 'something that cannot be written down'
  }
}

function codeOf(error: unknown): string {
  const code = sqlstateOf(error)
  return code === undefined ? '' : `${code} `
}

/** The five characters by which PostgreSQL tells its errors apart, where the error has any. */
export function sqlstateOf(error: unknown): string | undefined {
  try {
    const code = (error as { code?: unknown } | null | undefined)?.code
    return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
  } catch {
    return undefined
  }
}
