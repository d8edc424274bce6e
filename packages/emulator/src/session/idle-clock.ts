import type { Backend } from '../backend/backend.ts'
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
  #primary: Backend | undefined
  #uses = 0
  #since = 0

  /** The client has its answer, and thinks. What ran on the standby alone leaves the session on the primary as idle as it was. */
  start(conversation: Conversation): void {
    const { servers, forwardSettings } = conversation
    const primary = servers.openPrimary
    if (!primary || primary.lost) return
    const ms = isOpen(conversation)
      ? forwardSettings.idleInTransactionSessionTimeoutMs
      : forwardSettings.idleSessionTimeoutMs
    const used = primary !== this.#primary || primary.uses !== this.#uses
    if (!used && ms === this.#ms && this.#timer) return
    if (used) {
      this.#primary = primary
      this.#uses = primary.uses
      this.#since = performance.now()
    }
    this.stop()
    this.#ms = ms
    const left = this.#since + ms - performance.now()
    if (ms > 0) this.#timer = setTimeout(() => this.#ring(conversation), left).unref()
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
