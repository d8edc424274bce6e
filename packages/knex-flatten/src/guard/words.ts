import { howKnown, resolveProfile, type ResolvedProfile, supportTable } from '@knex-flatten/sql-support'
import { ForwardingError, UnsupportedStatementError } from '../errors/errors.ts'
import { shortenSql } from '../transaction/failure.ts'
import type { Answer } from './answer.ts'
import type { Objection } from './objection.ts'

/** The error that a statement is refused with instead of being sent; `wayOut` is what the instance has to offer beside. */
export function unsupported(
  objection: Objection,
  profile: ResolvedProfile,
  wayOut: string | undefined,
): UnsupportedStatementError {
  const { rule, sql } = objection
  const { instead, source } = supportTable[rule]
  const message = `The statement\n    ${shortenSql(sql)}\nwas not sent: ${tell(objection, profile)}${wayOut === undefined ? '' : `\n${wayOut}`}`
  return new UnsupportedStatementError(message, { rule, statement: sql, instead, source })
}

/** The same as a warning: it was sent all the same. */
export function warningOf(objection: Objection, profile: ResolvedProfile): string {
  return `the statement\n    ${shortenSql(objection.sql)}\nwas sent, but ${tell(objection, profile)}`
}

/** The error for what the guard let through, and the reader has refused itself. */
export function refusedByReader(objection: Objection, answer: Answer): UnsupportedStatementError {
  const { rule, sql } = objection
  const { instead, source } = supportTable[rule]
  const message = `${tellAnswer(answer)}\n${capital(tell(objection, resolveProfile(answer.profile)))}`
  return new UnsupportedStatementError(message, {
    rule,
    statement: sql,
    instead,
    source,
    cause: answer.error,
  })
}

/** The error for any other answer of a reader's that needs a word more. */
export function answered(
  answer: Answer,
  { reason, why, advice, source }: Pick<ForwardingError, 'reason' | 'advice' | 'source'> & { why: string },
): ForwardingError {
  const { error, sql } = answer
  const message = [tellAnswer(answer), why, advice, `See ${source}`].join('\n')
  return new ForwardingError(message, {
    reason,
    sqlstate: error.code,
    statement: sql,
    advice,
    source,
    cause: error,
  })
}

function tellAnswer({ sql, error: { code, message } }: Answer): string {
  return `The statement\n    ${shortenSql(sql)}\nwas answered with ${code} ${message}.`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
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
