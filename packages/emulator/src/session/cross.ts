import { setTimeout as delay } from 'node:timers/promises'
import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import { asError } from '../wire/error-response.ts'
import type { Conversation } from './conversation.ts'
import { cancelledByUser, NotForwarded, staleSnapshot, statementTimedOut } from './not-forwarded.ts'
import { notReached, openPrimary } from './open-primary.ts'
import { replayOn } from '../settings/settings.ts'
import type { Transaction } from './transaction.ts'

/**
 * Brings the session, and with it an open transaction, to the primary.
 *
 * The whole transaction moves at its first write: a standby could not show its uncommitted rows to later reads.
 * @throws NotForwarded if the primary takes no session or no transaction.
 */
export async function reachPrimary(conversation: Conversation): Promise<Backend> {
  const { holder } = conversation
  // What is open there goes on nowhere else: should that session be lost, whoever runs on it is told.
  if (holder.role === 'primary') return holder
  try {
    const primary = await openPrimary(conversation)
    await moveTransaction(conversation, primary)
    return primary
  } catch (error) {
    throw notReached(conversation, error)
  }
}

async function moveTransaction(conversation: Conversation, primary: Backend): Promise<void> {
  const { transaction, prepared, servers } = conversation
  if (!transaction || transaction.moved) return
  let { error } = await inject(primary, transaction.begin)
  for (const replay of transaction.preamble) {
    if (!error) ({ error } = await replayOn(primary, replay))
  }
  if (!error && (await isStale(conversation, transaction, primary))) error = staleSnapshot()
  if (error) {
    await inject(primary, 'ROLLBACK')
    throw new NotForwarded(asError(error))
  }
  transaction.moved = true
  // A portal's rows are where it was opened, so its transaction has to last as long as the client's.
  transaction.standbyOpen = [...prepared.portals.values()].some(({ backend }) => backend === servers.standby)
}

/**
 * Whether the transaction may have read on the standby what is not so on the primary any more.
 *
 * A standby does not tell which transactions its snapshot takes for open. So the two are known to be the same only where neither
 * has an open one among those that it knows, and both know the same.
 */
async function isStale(
  { endpoint, servers }: Conversation,
  { keepsSnapshot, hasSnapshot }: Transaction,
  primary: Backend,
): Promise<boolean> {
  if (endpoint.assumptions['repeatable-read-hand-over'] !== 'refuse-if-stale') return false
  if (!keepsSnapshot || !hasSnapshot) return false
  const read = 'SELECT pg_catalog.pg_current_snapshot()'
  const [there, here] = await Promise.all([inject(primary, read), inject(servers.standby, read)])
  const [xmin, xmax] = here.row[0]?.split(':') ?? []
  return xmin === undefined || xmin !== xmax || here.row[0] !== there.row[0]
}

/** Counts a crossing, and takes as long as the way to the writer is said to be. @throws NotForwarded when cancelled. */
export async function cross(conversation: Conversation, texts: readonly string[]): Promise<void> {
  const { crossings, latency } = conversation.endpoint
  conversation.crossing ??= crossings.open(conversation.servers.database)
  crossings.count(conversation.crossing, texts)
  if (latency.ms > 0) await abortable(conversation, (signal) => delay(latency.ms, undefined, { signal }))
}

/** Whatever came between, the client's statement is about to run. @throws NotForwarded if the client has cancelled it meanwhile */
export function heedCancel({ cancelled, failed }: Conversation): void {
  // An aborted transaction has an answer of its own, and lets the client roll back.
  if (cancelled && !failed) throw cancelledByUser()
}

/** Waits for something that is no server's answer: until the client cancels, or its statement_timeout has passed. @throws NotForwarded */
export async function abortable(
  conversation: Conversation,
  wait: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const controller = new AbortController()
  const { statementTimeoutMs } = conversation.parameters
  const timer =
    statementTimeoutMs > 0 && setTimeout(() => controller.abort(statementTimedOut()), statementTimeoutMs)
  conversation.waiting = controller
  try {
    await wait(controller.signal)
  } catch (error) {
    if (controller.signal.aborted) {
      const reason: unknown = controller.signal.reason
      throw reason instanceof NotForwarded ? reason : cancelledByUser()
    }
    throw error
  } finally {
    if (timer) clearTimeout(timer)
    conversation.waiting = undefined
  }
}
