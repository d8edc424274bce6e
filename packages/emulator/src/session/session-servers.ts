import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend, BackendEvents, Role } from '../backend/backend.ts'
import type { Patience, WayToWriter } from '../faults/way-to-writer.ts'
import { describeError } from '../wire/error-response.ts'
import type { Settings } from '../settings/settings.ts'

/** The two servers behind a session: the standby from its start, the primary from its first write. */
export class SessionServers {
  readonly standby: Backend
  #way: WayToWriter
  #parameters: ReadonlyMap<string, string>
  #settings: Settings
  #primary: Backend | undefined
  #lost: BackendLost | undefined
  #ended = false
  /** PostgreSQL's `idle_in_transaction_session_timeout`, which is the client's own, has struck on the primary. */
  onOwnTimeout: ((lost: BackendLost) => void) | undefined

  constructor(
    standby: Backend,
    way: WayToWriter,
    parameters: ReadonlyMap<string, string>,
    settings: Settings,
  ) {
    this.standby = standby
    this.#way = way
    this.#parameters = parameters
    this.#settings = settings
  }

  /** The database of both sessions; PostgreSQL takes the user's name for it where none is given. */
  get database(): string {
    return this.#parameters.get('database') ?? this.#parameters.get('user') ?? ''
  }

  /** The session on the primary, if there is one. */
  get openPrimary(): Backend | undefined {
    return this.#primary
  }

  /** Opens the primary's session with the client's own parameters, and brings it to its settings. */
  async open(patience: Patience): Promise<Backend> {
    this.#lost = undefined
    const events: BackendEvents = {
      notice: () => {
        // The client did not open this session, and hears of it only through its own statements.
      },
      lost: (error) => {
        this.#lost = error
        if (error.lastWords && describeError(error.lastWords).sqlstate === '25P03') this.onOwnTimeout?.(error)
      },
    }
    const primary = await this.#way.open(this.#parameters, events, patience, (opened) =>
      this.#settings.replayAll(opened),
    )
    this.#primary = primary
    // The client left while the session was opened, and nobody else would close it.
    if (this.#ended) primary.end()
    return primary
  }

  /** Why the primary's session ended, told once. */
  takeLoss(): BackendLost | undefined {
    const lost = this.#lost
    this.#lost = undefined
    if (lost) this.#primary = undefined
    return lost
  }

  /** Closes the primary's session as if the writer had done it; one that is gone has had its last words. */
  losePrimary(lastWords: Buffer): void {
    const primary = this.#primary
    if (!primary || primary.lost) return
    primary.end()
    this.#lost = new BackendLost('primary', primary.address, lastWords, undefined)
  }

  /** The server that did not run what `role` ran, if it has a session. */
  other(role: Role): Backend | undefined {
    return role === 'primary' ? this.standby : this.#primary
  }

  end(): void {
    this.#ended = true
    this.standby.end()
    this.#primary?.end()
  }
}
