import type { ServerError } from '../guard/answer.ts'

/** The server has said so itself: an error of the driver's or of Knex's carries no severity. */
export function raisedByServer(error: unknown): error is ServerError {
  return typeof (error as { severity?: unknown } | null | undefined)?.severity === 'string'
}

/** What a server says when it cannot tell what has become of a transaction: 08007, 40003. */
const IN_DOUBT = /^(?:08007|40003)$/

/** The driver knows that it has sent nothing. */
const NOT_SENT = /is not queryable$/

/** A COMMIT answered so is certain not to have been one. */
export function leavesNoDoubt(error: unknown): boolean {
  const { code, severity, message } = error as { code?: unknown; severity?: unknown; message?: unknown }
  if (!raisedByServer(error)) return typeof message === 'string' && NOT_SENT.test(message)
  return severity === 'ERROR' && !IN_DOUBT.test(String(code))
}

/** The server's last words on this connection; Knex hears of its end a moment later. */
export function endsSession(error: unknown): boolean {
  const severity = (error as { severity?: unknown } | null | undefined)?.severity
  return severity === 'FATAL' || severity === 'PANIC'
}

/** Knex also marks a connection whose statement it has given up waiting for; the transaction on it lives. */
export function isLost(mark: unknown): boolean {
  return mark !== undefined && (mark as Error).name !== 'KnexTimeoutError'
}

/** Every connection is in use, or waited for: Knex's own words for a pool that is too small. */
export function isLackOfTime(error: unknown): boolean {
  return error instanceof Error && error.name === 'KnexTimeoutError'
}

/** Nobody is there, or nobody who is up: not so where a server refuses, or where those who hold all connections keep others waiting. */
export function isUnreachable(error: unknown, isPoolFull: boolean): boolean {
  if (isLackOfTime(error)) return !isPoolFull
  if (!raisedByServer(error)) return true
  return /^57P0[123]$/.test(String((error as { code?: unknown }).code))
}
