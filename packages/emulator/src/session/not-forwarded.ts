import type { BackendLost } from '../backend/backend-lost.ts'
import type { SlotsExhausted } from '../faults/slots.ts'
import { describeError, errorResponse } from '../wire/error-response.ts'

/** A unit cannot run, for a reason other than its statements; the session lives on. */
export class NotForwarded extends Error {
  override readonly name = 'NotForwarded'
  /** The ErrorResponse for the client. */
  readonly response: Buffer

  constructor(response: Buffer) {
    super(describeError(response).text)
    this.response = response
  }
}

/** The writer takes no session: SQLSTATE 08001, sqlclient_unable_to_establish_sqlconnection. */
export function writerUnreachable(lost: BackendLost): NotForwarded {
  return new NotForwarded(
    errorResponse({
      severity: 'ERROR',
      sqlstate: '08001',
      message: `the statement was not forwarded: ${lost.message}`,
      hint: 'Reads go on. The writer is tried again at the next statement that has to be forwarded.',
    }),
  )
}

/** The writer takes no more sessions of this reader. */
export function noSlot(exhausted: SlotsExhausted, sqlstate: string): NotForwarded {
  return new NotForwarded(
    errorResponse({
      severity: 'ERROR',
      sqlstate,
      message: `the statement was not forwarded: ${exhausted.message}`,
      hint: 'Use fewer sessions that write at the same time, or close those that do not write any more.',
    }),
  )
}

/** Under global consistency a read depends on the writer: SQLSTATE 08006, connection_failure. */
export function consistencyUnknown(lost: BackendLost): NotForwarded {
  return new NotForwarded(
    errorResponse({
      severity: 'ERROR',
      sqlstate: '08006',
      message: `the read could not be made consistent: ${lost.message}`,
      hint: 'Under global consistency each read asks the writer how far it is. Other modes read without the writer.',
    }),
  )
}

/** The standby cannot show what the read waits for while this very transaction is open: SQLSTATE 40P01, deadlock_detected. */
export const waitsForItself = (): NotForwarded =>
  new NotForwarded(
    errorResponse({
      severity: 'ERROR',
      sqlstate: '40P01',
      message: 'deadlock detected',
      detail:
        'The read waits for the standby, and the standby cannot go on with ACCESS EXCLUSIVE (DDL, TRUNCATE) on a table that this transaction has read.',
      hint: 'Run the whole transaction again.',
    }),
  )

/** What was read on the reader may have changed on the writer since: SQLSTATE 40001, serialization_failure. */
export const staleSnapshot = (): Buffer =>
  errorResponse({
    severity: 'ERROR',
    sqlstate: '40001',
    message: 'could not serialize access due to concurrent update',
    detail:
      'Something was committed, or is open, on the writer that the snapshot of the reader does not show.',
    hint: 'Run the whole transaction again. Assumption "repeatable-read-hand-over" is "refuse-if-stale".',
  })

/** What PostgreSQL answers when a statement is cancelled while it waits. */
export const cancelledByUser = (): NotForwarded => cancelled('canceling statement due to user request')

/** What PostgreSQL answers when a statement has taken longer than `statement_timeout`. */
export const statementTimedOut = (): NotForwarded => cancelled('canceling statement due to statement timeout')

function cancelled(message: string): NotForwarded {
  return new NotForwarded(errorResponse({ severity: 'ERROR', sqlstate: '57014', message }))
}
