import { OneAtATime } from '../transaction/one-at-a-time.ts'
import type { RouteChoice } from '../routing/choice.ts'
import type { Connection } from './internals.ts'
import type { Taken } from './taken.ts'

/** Who uses a session. */
export interface SessionUser {
  /** A transaction and a stream of rows end when the application lets them: what they wait for must not wait for them. */
  readonly kind: 'statement' | 'stream' | 'transaction'
}

const inCare = new WeakMap<Connection, KeptSession>()

/** The session of a request that a connection is; Knex gives a stream's connection back whenever the stream is closed, which is for the request to do. */
export function requestSessionOn(connection: Connection): KeptSession | undefined {
  return inCare.get(connection)
}

/** A connection of one request's: one user after another, the first of whom is who took it. */
export class KeptSession {
  readonly taken: Taken
  /** Up to which of the request's writes it certainly shows them. */
  shows = 0
  /** Its mode may not be the instance's. */
  isInOtherMode = false
  /** Why what runs on it runs there. */
  choice: RouteChoice
  /** Ends the stream that is being read from it. */
  endStream: (() => Promise<unknown>) | undefined
  readonly #turns: OneAtATime
  /** Those who have it or wait for it. */
  readonly #users: Set<SessionUser>
  #isGone = false

  /** @param patienceMs - how long its users are ready to wait for it. */
  constructor(taken: Taken, patienceMs: number, user: SessionUser) {
    this.taken = taken
    this.choice = taken.choice
    this.#users = new Set([user])
    const waitedInVain = `knex-flatten: the session of this request was in use by another part of it for ${patienceMs} ms.`
    this.#turns = new OneAtATime(patienceMs, () => new Error(waitedInVain))
    void this.#turns.take()
    inCare.set(taken.connection, this)
  }

  /** Somebody has it, or waits for it, whose end is up to the application. */
  get isHeld(): boolean {
    return [...this.#users].some(({ kind }) => kind !== 'statement')
  }

  get isIdle(): boolean {
    return this.#users.size === 0
  }

  /** It must not be used any more. */
  get isLost(): boolean {
    return this.#isGone || this.taken.connection.__knex__disposed !== undefined
  }

  /** Resolves once those before have left. */
  async turn(user: SessionUser): Promise<void> {
    this.#users.add(user)
    try {
      await this.#turns.take()
    } catch (error) {
      this.#users.delete(user)
      throw error
    }
  }

  leave(user: SessionUser): void {
    this.endStream = undefined
    this.#users.delete(user)
    this.#turns.give()
  }

  /** False where it was given back before. */
  release(): boolean {
    if (this.#isGone) return false
    this.#isGone = true
    inCare.delete(this.taken.connection)
    return true
  }
}
