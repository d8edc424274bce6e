import { EmulatorError } from '../emulator-error.ts'
import { withConnection } from '../postgres/connect.ts'
import { standbyCatchesUp } from '../postgres/replication.ts'
import type { ServerPair } from '../servers.ts'
import { emptyDatabase, endBlockers } from './empty-database.ts'
import { Snapshot } from './snapshot.ts'

/** What to go back to. */
export interface ResetOptions {
  /** `snapshot`: the last one taken, and if none was, an empty database (default); `empty`: that, and the snapshot is forgotten. */
  readonly to?: 'snapshot' | 'empty' | undefined
}

/** One database on both servers, and what it goes back to. */
export class ResettableDatabase {
  readonly #pair: ServerPair
  readonly #database: string
  readonly #allowed: boolean
  #snapshot: Snapshot | undefined

  /** @param allowed false for what was there before us */
  constructor(pair: ServerPair, database: string, allowed: boolean) {
    this.#pair = pair
    this.#database = database
    this.#allowed = allowed
  }

  async snapshot(): Promise<void> {
    this.mustBeOurs()
    this.#snapshot = await withConnection(
      this.#pair.primary,
      (client) => Snapshot.take(client),
      this.#database,
    )
    await this.#replicated()
  }

  async reset({ to = 'snapshot' }: ResetOptions = {}): Promise<void> {
    this.mustBeOurs()
    if (to === 'empty') this.#snapshot = undefined
    const snapshot = this.#snapshot
    const { primary, standby } = this.#pair
    if (snapshot === undefined) {
      await emptyDatabase({ primary, standby, database: this.#database })
      return
    }
    const dropped = await withConnection(primary, (client) => snapshot.restore(client), this.#database)
    if (dropped) await withConnection(standby, (client) => client.query(endBlockers), this.#database)
    await this.#replicated()
  }

  #replicated(): Promise<void> {
    const { primary, standby } = this.#pair
    return standbyCatchesUp({ primary, standby, database: this.#database })
  }

  /** @throws EmulatorError `EMULATOR_ATTACH` if nobody has said that it may be changed */
  mustBeOurs(): void {
    if (this.#allowed) return
    const { host, port } = this.#pair.primary
    throw new EmulatorError(
      'EMULATOR_ATTACH',
      `reset() drops everything in database ${this.#database} on ${host}:${port}, which ran before the reader did. ` +
        `Nothing was dropped. If it may, start the reader with allowReset: true.`,
    )
  }
}
