import { setTimeout as delay } from 'node:timers/promises'
import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { WaitsForItself } from '../consistency/replay-tracker.ts'
import type { Conversation } from './conversation.ts'
import { abortable } from './cross.ts'
import { isConsistencyMode, type ConsistencyMode } from '../settings/forward-settings.ts'
import { consistencyUnknown, NotForwarded, waitsForItself } from './not-forwarded.ts'
import { notReached, openPrimary } from './open-primary.ts'
import type { Plan } from './plan.ts'

/** Waits until the standby shows what the session's consistency mode promises to a read that begins now. @throws NotForwarded */
export async function awaitConsistency(conversation: Conversation, plans: readonly Plan[]): Promise<void> {
  const { transaction, failed } = conversation
  // One that has its snapshot sees nothing newer however long it waits, and an aborted one sees nothing at all.
  if (transaction?.hasSnapshot || failed) return
  const mode = modeOf(conversation, plans)
  if (mode === 'session') await seeOwnWrites(conversation)
  else if (mode === 'global') await seeEverybodysWrites(conversation)
  if (transaction?.keepsSnapshot) transaction.hasSnapshot = true
}

/**
 * Whether a text is the first to need a snapshot that its transaction will keep. It need not read for that: PostgreSQL takes the
 * snapshot as soon as it analyses the text.
 */
export function takesSnapshot({ transaction, holder }: Conversation, { reads, marks }: Plan): boolean {
  if (!transaction?.keepsSnapshot || transaction.hasSnapshot || holder.role === 'primary') return false
  return reads || marks.some(({ type }) => type === 'prepare')
}

/** Texts have run, and have shown rows. */
export function tookSnapshot({ transaction }: Conversation, server: Backend): void {
  if (transaction?.keepsSnapshot && server.role === 'standby') transaction.hasSnapshot = true
}

/** Whether a read outside a transaction may go to the standby at once. */
export function mayReadNow({ forwardSettings, ownWrites, parameters }: Conversation): boolean {
  const { consistency } = forwardSettings
  return consistency === 'session' ? ownWrites.isVisible(parameters.serverStart) : consistency !== 'global'
}

const strictness: readonly ConsistencyMode[] = ['off', 'eventual', 'session', 'global']

/** A text may change the mode and then read: it gets the stricter of the two from its start on. */
function modeOf({ forwardSettings }: Conversation, plans: readonly Plan[]): ConsistencyMode {
  let mode = forwardSettings.consistency
  for (const { marks } of plans) {
    for (const mark of marks) {
      if (mark.type !== 'setting' || !isConsistencyMode(mark.mode)) continue
      if (strictness.indexOf(mark.mode) > strictness.indexOf(mode)) mode = mark.mode
    }
  }
  return mode
}

async function seeOwnWrites(conversation: Conversation): Promise<void> {
  const { ownWrites, parameters, servers } = conversation
  if (ownWrites.isVisible(parameters.serverStart)) return
  if (ownWrites.unplaced) await placeOwnWrites(conversation)
  if (ownWrites.isVisible(parameters.serverStart)) return
  const { pid } = servers.standby.greeting.key
  await abortable(conversation, (signal) => whileThere(conversation, ownWrites.wait(pid, signal)))
}

/** Asks the primary how far it is, which is a way to the writer and back, and waits for the standby to be as far. */
async function seeEverybodysWrites(conversation: Conversation): Promise<void> {
  const { globalPoint, tracker, latency } = conversation.endpoint
  const { serverStart } = conversation.parameters
  const { pid } = conversation.servers.standby.greeting.key
  try {
    await abortable(conversation, async (signal) => {
      if (latency.ms > 0) await delay(latency.ms, undefined, { signal })
      const position = await orAborted(globalPoint.now(), signal)
      if ('error' in position) throw new NotForwarded(position.error)
      if (!tracker.hasReplayed(position.lsn, serverStart)) {
        await whileThere(conversation, tracker.wait(position.lsn, pid, signal))
      }
    })
  } catch (error) {
    throw error instanceof BackendLost ? consistencyUnknown(error) : error
  }
}

/**
 * Waits, and ends with a session that ends. A client that closes its side may still read, or be gone for good: only what is
 * sent to it will tell, so it is told again and again what it knows; the first time it refuses, the second time we hear of it.
 */
async function whileThere<T>({ inbox, outbox, servers }: Conversation, wait: Promise<T>): Promise<T> {
  const known = servers.standby.greeting.parameters.find((told) => told.includes('server_encoding'))
  let asking: NodeJS.Timeout | undefined
  const ask = () => {
    if (known) outbox.push(known)
    outbox.flush()
  }
  inbox.onceClosed(() => {
    ask()
    asking = setInterval(ask, askingMs)
  })
  try {
    return await wait
  } catch (error) {
    throw error instanceof WaitsForItself ? waitsForItself() : error
  } finally {
    inbox.onceClosed(undefined)
    clearInterval(asking)
  }
}

const askingMs = 1000

function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason as Error)
    signal.addEventListener('abort', giveUp, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}

/** Finds out what the standby must replay before this session reads from it again. @throws NotForwarded */
export async function placeOwnWrites(conversation: Conversation): Promise<void> {
  try {
    const error = await conversation.ownWrites.place(await openPrimary(conversation))
    if (error) throw new NotForwarded(error)
  } catch (error) {
    throw notReached(conversation, error)
  }
}
