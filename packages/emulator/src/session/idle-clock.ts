import { fatal } from '../wire/error-response.ts'
import type { Conversation } from './conversation.ts'

/**
 * Ends the session on the primary when the client has left it idle for too long: in a transaction after
 * `apg_write_forward.idle_in_transaction_session_timeout`, otherwise after `apg_write_forward.idle_session_timeout`.
 *
 * PostgreSQL's own timeouts of nearly the same names stay the client's, to set for its own session.
 */
export class IdleClock {
  #timer: NodeJS.Timeout | undefined
  #ms = 0

  /** The client has its answer, and thinks. */
  start(conversation: Conversation): void {
    const { servers, forwardSettings } = conversation
    if (!servers.openPrimary || servers.openPrimary.lost) return
    const ms = isOpen(conversation)
      ? forwardSettings.idleInTransactionSessionTimeoutMs
      : forwardSettings.idleSessionTimeoutMs
    if (ms === this.#ms && this.#timer) {
      this.#timer.refresh()
      return
    }
    this.stop()
    this.#ms = ms
    if (ms > 0) this.#timer = setTimeout(() => this.#ring(conversation), ms).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #ring(conversation: Conversation): void {
    this.stop()
    if (conversation.busy) return
    const words = isOpen(conversation)
      ? fatal('25P03', 'terminating connection due to idle-in-transaction timeout')
      : fatal('57P05', 'terminating connection due to idle-session timeout')
    conversation.servers.losePrimary(words)
  }
}

function isOpen({ transaction, servers, unsynced }: Conversation): boolean {
  return (
    transaction?.moved === true || (servers.openPrimary !== undefined && unsynced.has(servers.openPrimary))
  )
}
