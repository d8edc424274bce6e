import type { BackendLost } from '../backend/backend-lost.ts'
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

/** What PostgreSQL answers when a statement is cancelled while it waits. */
export function cancelledByUser(): NotForwarded {
  return new NotForwarded(
    errorResponse({
      severity: 'ERROR',
      sqlstate: '57014',
      message: 'canceling statement due to user request',
    }),
  )
}
