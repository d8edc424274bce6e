import { FlattenError } from '../errors/flatten-error.ts'
import { publish } from '../events/publish.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { RouteChoice, RouteReason, Target } from '../routing/choice.ts'
import { ReaderSet } from '../routing/reader-set.ts'
import { cannotForward, noWriter } from '../routing/verdicts.ts'
import type { ClientPool } from './client-pool.ts'
import { inMode } from './consistency-mode.ts'
import { poolSize } from './handed-pool.ts'
import type { Connection } from './internals.ts'
import { takesWrites } from './server-role.ts'
import { isLackOfTime } from './wire-errors.ts'

/** A connection, and where it came from in the end. */
export interface Taken {
  readonly connection: Connection
  readonly choice: RouteChoice
  readonly pool: ClientPool
}

interface PoolsOptions {
  /** The instance that they stand behind. */
  readonly db: object
  readonly coolDownMs: number
  /** The writer takes what was to be forwarded, where a reader does not forward. */
  readonly mayLeave: boolean
  /** The mode of a reader's session. */
  readonly consistency: ConsistencyMode | undefined
}

/** The pools behind one routed instance: readers, a writer, or both. */
export class Pools {
  readonly all: readonly ClientPool[]
  readonly writer: ClientPool | undefined
  readonly #readers: ReaderSet<ClientPool>
  readonly #hasReaders: boolean
  readonly #mayLeave: boolean
  readonly #consistency: ConsistencyMode | undefined
  readonly #db: object
  readonly #coolDownMs: number
  readonly #taken = new WeakMap<Connection, Taken>()

  constructor(
    readers: readonly ClientPool[],
    writer: ClientPool | undefined,
    { db, coolDownMs, mayLeave, consistency }: PoolsOptions,
  ) {
    this.#db = db
    this.#coolDownMs = coolDownMs
    this.#consistency = consistency
    this.#mayLeave = mayLeave
    this.all = writer ? [...readers, writer] : readers
    this.writer = writer
    this.#hasReaders = readers.length > 0
    this.#readers = new ReaderSet(readers, coolDownMs)
  }

  /** Whose connection it is; `undefined` for one that came from elsewhere. */
  ownerOf(connection: Connection): ClientPool | undefined {
    return this.#taken.get(connection)?.pool
  }

  /** Where what runs on a connection runs, and why. */
  routeOf(connection: Connection): RouteChoice | undefined {
    return this.#taken.get(connection)?.choice
  }

  /** How many connections there can be; `undefined` where a pool does not say. */
  sizeOf(target: Target): number | undefined {
    const pools = target === 'writer' ? [this.writer!] : this.all.filter((pool) => pool !== this.writer)
    const sizes = pools.map(({ client }) => poolSize(client))
    return sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + size!, 0)
  }

  /** Closes all of them, as Knex closes one. */
  async destroy(callback?: (error?: unknown) => void): Promise<void> {
    const results = await Promise.allSettled(this.all.map((pool) => pool.destroy()))
    const failed = results.find((result) => result.status === 'rejected')
    if (callback) callback(failed?.reason)
    else if (failed) throw failed.reason
  }

  /** Takes a connection where it is wanted, or, if no reader can be reached, from the writer. @throws NoWriterError */
  take(choice: RouteChoice, what: () => string): Promise<Taken> {
    if (choice.target === 'reader') {
      return this.#hasReaders
        ? this.#takeFromReaders(choice, what)
        : this.#takeFrom(this.writer!, { target: 'writer', reason: 'only-pool' })
    }
    return this.writer ? this.#takeFrom(this.writer, choice) : Promise.reject(noWriter(choice.reason, what()))
  }

  async #takeFromReaders(choice: RouteChoice, what: () => string): Promise<Taken> {
    let failure: unknown
    for (const reader of this.#readers.inOrder(this.writer !== undefined)) {
      let taken: Taken
      try {
        taken = await this.#takeFrom(reader, choice)
      } catch (error) {
        if (error instanceof FlattenError) throw error
        // Its connections are all in use: it works.
        if (isLackOfTime(error)) throw error
        this.#readers.failed(reader)
        this.#tellFailed(reader, error)
        failure = error
        continue
      }
      if (choice.reason !== 'forwards' || takesWrites(taken.connection)) return taken
      await reader.giveBack(taken.connection)
      // What goes wrong there is no fault of this reader's.
      return this.#insteadOfForwarding(choice, what)
    }
    if (!this.writer) throw failure
    return this.#fallBack(choice, 'readers-failed')
  }

  async #insteadOfForwarding(choice: RouteChoice, what: () => string): Promise<Taken> {
    if (this.writer && this.#mayLeave) return this.#fallBack(choice, 'cannot-forward')
    throw cannotForward(what(), this.writer !== undefined)
  }

  #fallBack(wanted: RouteChoice, reason: RouteReason): Promise<Taken> {
    const route: RouteChoice = { target: 'writer', reason }
    publish('knex-flatten:fallback', () => ({ db: this.#db, wanted, route }))
    return this.#takeFrom(this.writer!, route)
  }

  #tellFailed({ name }: ClientPool, error: unknown): void {
    publish('knex-flatten:reader-failed', () => ({
      db: this.#db,
      pool: name,
      error,
      coolDownMs: this.#coolDownMs,
    }))
  }

  async #takeFrom(pool: ClientPool, choice: RouteChoice): Promise<Taken> {
    const connection = await pool.take()
    const taken = { connection, choice, pool }
    this.#taken.set(connection, taken)
    const ready = inMode(connection, this.#consistency, (unfit) => pool.giveBack(unfit))
    if (ready !== connection) await ready
    return taken
  }
}
