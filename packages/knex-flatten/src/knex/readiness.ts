import type { ConsistencyMode } from '../options/options.ts'
import type { ClientPool } from './client-pool.ts'
import { enterMode, isInMode } from './consistency-mode.ts'
import type { Connection } from './internals.ts'
import type { ServerCheck } from './server-check.ts'
import { isRoleFresh, learnRole, meets, type Need } from './server-role.ts'

/** What a connection out of one of several pools must be before anything is sent: of a known server that does what it must, in its mode. */
export class Readiness {
  readonly #check: ServerCheck | undefined
  readonly #consistency: ConsistencyMode | undefined

  /** @param check - `undefined`: the servers are what they are called. */
  constructor(check: ServerCheck | undefined, consistency: ConsistencyMode | undefined) {
    this.#check = check
    this.#consistency = consistency
  }

  /** Whether nothing is to be asked: so it is nearly always. */
  holds(pool: ClientPool, connection: Connection, need: Need): boolean {
    return (
      isRoleFresh(connection) &&
      meets(connection, need) &&
      (this.#check?.isSettled(pool, connection) ?? true) &&
      isInMode(connection, this.#consistency)
    )
  }

  /**
   * Asks what is not known yet.
   *
   * @param asksAgain - a server that does not meet the need is asked again, however lately it was: it may have been promoted.
   * @returns whether the server meets the need. @throws TransactionOptionsError for two writers, two clusters, and a mode that is none
   */
  async reach(pool: ClientPool, connection: Connection, need: Need, asksAgain: boolean): Promise<boolean> {
    await learnRole(connection)
    if (asksAgain && !meets(connection, need)) await learnRole(connection, true)
    await this.#check?.settle(pool, connection)
    if (need !== 'writer') await enterMode(connection, this.#consistency)
    return meets(connection, need)
  }
}
