import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { SlotsExhausted } from '../faults/slots.ts'
import type { Conversation } from './conversation.ts'
import { cancelledByUser, noSlot, writerUnreachable } from './not-forwarded.ts'

/**
 * The session's own on the primary, opened if there is none, within `apg_write_forward.connect_timeout`.
 *
 * @throws BackendLost, NotForwarded
 */
export async function openPrimary(conversation: Conversation): Promise<Backend> {
  const { servers, forwardSettings, endpoint } = conversation
  if (servers.openPrimary && !servers.openPrimary.lost) return servers.openPrimary
  const controller = new AbortController()
  conversation.waiting = controller
  try {
    return await servers.open({ timeoutMs: forwardSettings.connectTimeoutMs, signal: controller.signal })
  } catch (error) {
    if (controller.signal.aborted) throw cancelledByUser()
    if (error instanceof SlotsExhausted) throw noSlot(error, endpoint.assumptions['slots-sqlstate'])
    throw error
  } finally {
    conversation.waiting = undefined
  }
}

/** What the client is told where the primary could not be reached: why, or that it has given up itself. */
export function notReached({ servers, cancelled }: Conversation, error: unknown): unknown {
  if (!(error instanceof BackendLost) || error.role === 'standby') return error
  servers.takeLoss()
  return cancelled ? cancelledByUser() : writerUnreachable(error)
}
