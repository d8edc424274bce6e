import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import type { Reply } from '../backend/reply.ts'
import { asError, describeError, errorResponse } from '../wire/error-response.ts'
import { status } from '../wire/message-types.ts'
import type { Conversation } from './conversation.ts'
import { loseAnswer, trapFor } from './lost-answer.ts'
import { failingText } from './refusal.ts'
import { endTransaction } from './settle.ts'

/** What messages may do to the work that is open on the primary: commit it, roll it back, or leave it open. */
export type Ending = 'commit' | 'rollback' | undefined

/** What became of that work when the primary was lost; `failed`: it is gone, and the client has to roll back yet. */
type Fate = 'failed' | 'rolled-back' | 'unknown'

/**
 * Runs the client's messages. If the primary dies over them, the client is told and the session lives on.
 *
 * @returns false if the primary was lost.
 * @throws BackendLost if the standby was: without it there is no session.
 */
export async function runForClient(
  conversation: Conversation,
  server: Backend,
  bytes: Buffer,
  replies: readonly Reply[],
  ending: Ending,
): Promise<boolean> {
  const sent = !server.lost
  conversation.running = server
  try {
    const trap = trapFor(conversation, server, ending)
    if (trap) await loseAnswer(conversation, server, bytes, replies, trap)
    else await conversation.sink.run(server, bytes, replies)
    return true
  } catch (error) {
    await tellLoss(conversation, error, sent ? ending : undefined)
    return false
  } finally {
    conversation.running = undefined
    conversation.inbox.endDiversion()
  }
}

/**
 * Ends the implicit transactions of extended messages on all servers; what goes wrong over it is told to the client.
 *
 * @returns false if the primary was lost.
 */
export async function syncForClient(conversation: Conversation): Promise<boolean> {
  const { unsynced, servers, unsyncedWork, sink, outbox } = conversation
  if (unsynced.size === 0) return true
  const primary = servers.openPrimary && unsynced.has(servers.openPrimary) ? servers.openPrimary : undefined
  const ending = primary && unsyncedWork !== 'none' && !sink.failed ? 'commit' : undefined
  try {
    const trap = primary && trapFor(conversation, primary, ending)
    if (trap) await loseAnswer(conversation, primary, undefined, [], trap)
    for (const error of await conversation.sync()) {
      sink.failed = true
      outbox.push(error)
    }
    conversation.unsyncedWork = 'none'
    return true
  } catch (error) {
    await tellLoss(conversation, error, ending)
    return false
  }
}

/**
 * Notices that the primary's session ended while nothing ran on it.
 * @returns what the client has to be told before anything else: its transaction is gone.
 */
export async function noticeLoss(conversation: Conversation): Promise<Buffer | undefined> {
  const lost = conversation.servers.takeLoss()
  if (!lost) return undefined
  const { transaction, unsyncedWork } = conversation
  const held = transaction?.moved === true || unsyncedWork !== 'none' || hasPortals(conversation)
  const unknown = unsyncedWork === 'unknown'
  await afterLoss(conversation, transaction?.moved === true ? 'failed' : unknown ? 'unknown' : 'rolled-back')
  return held ? lossResponse(lost, unknown) : undefined
}

function hasPortals({ prepared }: Conversation): boolean {
  return [...prepared.portals.values()].some(({ backend }) => backend.lost)
}

/**
 * Tells the client what became of its work now that the primary is lost.
 *
 * @param ending of what was sent to the primary; `undefined` if nothing was
 * @throws the error, if it is another
 */
export async function tellLoss(conversation: Conversation, error: unknown, ending: Ending): Promise<void> {
  if (!(error instanceof BackendLost) || error.role === 'standby') throw error
  const { transaction, unsyncedWork, crossing, sink, outbox } = conversation
  const open = transaction?.moved === true && ending === undefined
  const unknown = ending === 'commit' || unsyncedWork === 'unknown'
  // A row of which the client has a part cannot be followed by an error.
  if (error.torn) {
    if (crossing?.outcome === 'open') crossing.outcome = unknown ? 'unknown' : 'rolled-back'
    throw error
  }
  sink.failed = true
  outbox.push(lossResponse(error, unknown))
  await afterLoss(conversation, open ? 'failed' : unknown ? 'unknown' : 'rolled-back')
}

/** What was open on the primary is gone; a transaction fails, and the standby takes the primary's place in it. */
async function afterLoss(conversation: Conversation, fate: Fate): Promise<void> {
  const { servers, prepared, transaction, crossing } = conversation
  servers.takeLoss()
  conversation.looseChanges = []
  conversation.unsyncedWork = 'none'
  for (const [name, { backend }] of prepared.portals) if (backend.lost) prepared.portals.delete(name)
  if (fate !== 'unknown') {
    // Nothing was written that the session would have to wait for.
    if (crossing) crossing.outcome = 'rolled-back'
    conversation.crossing = undefined
  }
  if (fate === 'failed') {
    if (transaction) await failOnStandby(conversation, transaction)
    return
  }
  if (fate === 'rolled-back' && !transaction?.moved) return
  const standbyOpen = transaction?.standbyOpen === true
  endTransaction(conversation, servers.standby, fate)
  conversation.status = status.idle
  if (standbyOpen) await inject(servers.standby, 'ROLLBACK')
}

async function failOnStandby(
  conversation: Conversation,
  transaction: NonNullable<Conversation['transaction']>,
): Promise<void> {
  const { standby } = conversation.servers
  if (!transaction.standbyOpen) await inject(standby, 'BEGIN')
  await inject(standby, failingText)
  transaction.moved = false
  transaction.standbyOpen = false
  conversation.status = standby.status
}

/**
 * The writer's own last words, if it had any: FATAL for its session, but not for the client's. Where it may have committed,
 * they would say too much.
 */
function lossResponse(lost: BackendLost, unknown: boolean): Buffer {
  if (unknown) {
    return errorResponse({
      severity: 'ERROR',
      // transaction_resolution_unknown
      sqlstate: '08007',
      message: `it is not known whether the transaction was committed: ${lost.message}`,
      ...(lost.lastWords && { detail: `The writer said: ${describeError(lost.lastWords).text}` }),
      hint: 'Look whether it took effect before running it again.',
    })
  }
  if (lost.lastWords) return asError(lost.lastWords)
  return errorResponse({
    severity: 'ERROR',
    // connection_failure
    sqlstate: '08006',
    message: lost.message,
    hint: 'Nothing of the transaction took effect. Roll back, and run the whole transaction again.',
  })
}
