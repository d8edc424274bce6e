import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import type { Reply } from '../backend/reply.ts'
import { asError, errorResponse } from '../wire/error-response.ts'
import { status } from '../wire/message-types.ts'
import type { Conversation } from './conversation.ts'
import { failingText } from './refusal.ts'
import { endTransaction } from './settle.ts'

/**
 * Runs the client's messages. If the primary dies over them, the client is told and the session lives on.
 *
 * @param commits the messages may commit something, so that a lost answer leaves the outcome unknown.
 * @returns false if the primary was lost.
 * @throws BackendLost if the standby was: without it there is no session.
 */
export async function runForClient(
  conversation: Conversation,
  server: Backend,
  bytes: Buffer,
  replies: readonly Reply[],
  commits: boolean,
): Promise<boolean> {
  conversation.running = server
  try {
    await conversation.sink.run(server, bytes, replies)
    return true
  } catch (error) {
    // A row of which the client has a part cannot be followed by an error.
    if (!(error instanceof BackendLost) || error.role === 'standby' || error.torn) throw error
    conversation.sink.failed = true
    const unknown = commits || !conversation.transaction
    conversation.outbox.push(lossResponse(error, unknown))
    await afterLoss(conversation, unknown)
    return false
  } finally {
    conversation.running = undefined
    conversation.inbox.endDiversion()
  }
}

/**
 * Notices that the primary's session ended while nothing ran on it.
 * @returns what the client has to be told before anything else: its transaction is gone.
 */
export async function noticeLoss(conversation: Conversation): Promise<Buffer | undefined> {
  const lost = conversation.servers.takeLoss()
  if (!lost) return undefined
  const held = conversation.transaction?.moved === true || hasPortals(conversation)
  await afterLoss(conversation, false)
  return held ? lossResponse(lost, false) : undefined
}

function hasPortals({ prepared }: Conversation): boolean {
  return [...prepared.portals.values()].some(({ backend }) => backend.lost)
}

/** What was open on the primary is gone: the standby takes its place with a transaction that has failed. */
async function afterLoss(conversation: Conversation, unknown: boolean): Promise<void> {
  const { servers, prepared, unsynced, transaction } = conversation
  servers.takeLoss()
  conversation.looseChanges = []
  for (const [name, { backend }] of prepared.portals) if (backend.lost) prepared.portals.delete(name)
  for (const server of unsynced) if (server.lost) unsynced.delete(server)
  if (unknown) {
    const standbyOpen = transaction?.standbyOpen === true
    endTransaction(conversation, servers.standby, 'unknown')
    conversation.status = status.idle
    if (standbyOpen) await inject(servers.standby, 'ROLLBACK')
    return
  }
  if (!transaction?.moved) return
  if (conversation.crossing) conversation.crossing.outcome = 'rolled-back'
  conversation.crossing = undefined
  if (!transaction.standbyOpen) await inject(servers.standby, 'BEGIN')
  await inject(servers.standby, failingText)
  transaction.moved = false
  transaction.standbyOpen = false
  transaction.changes = []
  conversation.status = servers.standby.status
}

/** The writer's own last words, if it had any; FATAL for its session, but not for the client's. */
function lossResponse(lost: BackendLost, unknown: boolean): Buffer {
  if (lost.lastWords) return asError(lost.lastWords)
  return errorResponse({
    severity: 'ERROR',
    // transaction_resolution_unknown, connection_failure
    sqlstate: unknown ? '08007' : '08006',
    message: lost.message,
    hint: unknown
      ? 'It is not known whether the statement took effect: look before running it again.'
      : 'Nothing of the transaction took effect. Roll back, and run the whole transaction again.',
  })
}
