import type { BackendLost } from '../backend/backend-lost.ts'
import type { Backend, BackendEvents, Role } from '../backend/backend.ts'
import { openBackend } from '../backend/open-backend.ts'
import type { ServerPair } from '../servers.ts'
import type { Settings } from './settings.ts'

/** The two servers behind a session: the standby from its start, the primary from its first write. */
export class SessionServers {
  readonly standby: Backend
  #pair: ServerPair
  #parameters: ReadonlyMap<string, string>
  #settings: Settings
  #primary: Backend | undefined
  #lost: BackendLost | undefined
  #ended = false

  constructor(
    standby: Backend,
    pair: ServerPair,
    parameters: ReadonlyMap<string, string>,
    settings: Settings,
  ) {
    this.standby = standby
    this.#pair = pair
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

  /** The primary's session, opened with the client's own parameters and brought to its settings. @throws BackendLost */
  async primary(): Promise<Backend> {
    if (this.#primary && !this.#primary.lost) return this.#primary
    this.#lost = undefined
    const events: BackendEvents = {
      notice: () => {
        // The client did not open this session, and hears of it only through its own statements.
      },
      lost: (error) => {
        this.#lost = error
      },
    }
    const primary = await openBackend('primary', this.#pair.primary, this.#parameters, events)
    this.#primary = primary
    // The client left while the session was opened, and nobody else would close it.
    if (this.#ended) primary.end()
    await this.#settings.replayAll(primary)
    return primary
  }

  /** Why the primary's session ended, told once. */
  takeLoss(): BackendLost | undefined {
    const lost = this.#lost
    this.#lost = undefined
    if (lost) this.#primary = undefined
    return lost
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
