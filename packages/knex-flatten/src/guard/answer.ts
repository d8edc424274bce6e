import type { AwsProfile, ForwardingProfile } from '@knex-flatten/sql-support'
import type { ConsistencyMode } from '../options/options.ts'

/** An error that a server answered with, as the driver hands it on: before Knex puts the SQL in front of its message. */
export interface ServerError extends Error {
  readonly code: string
  readonly severity: string
  /** PostgreSQL's CONTEXT. */
  readonly where?: string
  /** The column that it is about. */
  readonly column?: string
}

/** A statement that a server has refused, and what is known of the session that it was sent in. */
export interface Answer {
  readonly error: ServerError
  /** As it was sent, without its bindings. */
  readonly sql: string
  readonly profile: AwsProfile | ForwardingProfile
  readonly isReader: boolean
  /** The mode of a reader's session; `undefined` where it does not forward, or nobody has asked. */
  readonly mode: ConsistencyMode | undefined
  readonly inTransaction: boolean
  /** What had failed in the same transaction, in words. */
  readonly failedBefore: string | undefined
}

/** What Aurora puts before a forwarded statement in the CONTEXT of an error that the writer raised. */
const FORWARDED = /WriteForward command: ([\s\S]*)/

/** The statement as the reader has forwarded it; `undefined` where the error is not the writer's. */
export function forwardedText({ where }: ServerError): string | undefined {
  return FORWARDED.exec(where ?? '')?.[1]
}

/** The column that an error is about; what is passed on from server to server may have lost all but its words. */
export function columnOf({ column, message }: ServerError): string | undefined {
  return column ?? /^null value in column "(.*?)"/.exec(message)?.[1]
}

/** Words that only a server in recovery has, and a context that only a forwarding reader adds. */
export function provesReader(error: ServerError): boolean {
  return /during recovery$|in a hot standby$/.test(error.message) || forwardedText(error) !== undefined
}

export function isForwarding({ isReader, mode }: Answer): boolean {
  return isReader && mode !== undefined && mode !== 'off'
}
