import { howKnown, type ResolvedProfile, supportTable } from '@knex-flatten/sql-support'
import { UnsupportedStatementError } from '../errors/errors.ts'
import { shortenSql } from '../transaction/failure.ts'
import type { Objection } from './objection.ts'

/** The error that a statement is refused with instead of being sent. */
export function unsupported(objection: Objection, profile: ResolvedProfile): UnsupportedStatementError {
  const { rule, sql } = objection
  const { instead, source } = supportTable[rule]
  const message = `The statement\n    ${shortenSql(sql)}\nwas not sent: ${tell(objection, profile)}`
  return new UnsupportedStatementError(message, { rule, statement: sql, instead, source })
}

/** The same as a warning: it was sent all the same. */
export function warningOf(objection: Objection, profile: ResolvedProfile): string {
  return `the statement\n    ${shortenSql(objection.sql)}\nwas sent, but ${tell(objection, profile)}`
}

function tell({ rule, how, words }: Objection, profile: ResolvedProfile): string {
  const { why, instead, source } = supportTable[rule]
  const what =
    how === 'refuse'
      ? 'a reader that forwards writes refuses'
      : 'nobody has published whether a reader that forwards writes takes'
  return [
    `${what} ${shortenSql(words)} (rule ${rule}, ${howKnown(profile, rule)}).`,
    why,
    instead,
    `See ${source}`,
  ].join('\n')
}
