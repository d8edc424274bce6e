import { LoginRefused } from '../auth/login-refused.ts'
import type { Backend } from '../backend/backend.ts'
import type { EndpointSessions } from '../faults/faults.ts'
import type { ServerPair } from '../servers.ts'
import { fatal } from '../wire/error-response.ts'
import type { SessionList } from './session-list.ts'

/** Lets no session stand on a server that is not the standby, or will not be it in a moment. */
export class Gate implements EndpointSessions {
  readonly #pair: ServerPair
  readonly #sessions: SessionList
  #closed = false

  constructor(pair: ServerPair, sessions: SessionList) {
    this.#pair = pair
    this.#sessions = sessions
    pair.control?.onStandbyReady(() => this.#endStrays())
  }

  /** @throws LoginRefused */
  pass(standby?: Backend): void {
    if (!this.#closed && (!standby || this.#isCurrent(standby))) return
    standby?.end()
    throw new LoginRefused(
      '57P03',
      'the forwarding reader is in a switchover',
      'Connect again: it takes a second or so.',
    )
  }

  beginSwitchover(): void {
    this.#closed = true
    this.#sessions.endAll(lastWords)
  }

  endSwitchover(): void {
    this.#closed = false
  }

  /** A switchover may have been made from elsewhere. */
  #endStrays(): void {
    this.#sessions.endAll(lastWords, (standby) => !this.#isCurrent(standby))
  }

  #isCurrent({ address: { host, port } }: Backend): boolean {
    const { standby } = this.#pair
    return host === standby.host && port === standby.port
  }
}

const lastWords = fatal(
  '57P01',
  'terminating connection: the reader and the writer change places',
  'Connect again.',
)
