import { FlattenError } from '../errors/flatten-error.ts'
import { publish } from '../events/publish.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { RouteChoice, RouteReason, Target } from '../routing/choice.ts'
import { ReaderSet } from '../routing/reader-set.ts'
import { cannotForward, noWriter } from '../routing/verdicts.ts'
import type { ClientPool } from './client-pool.ts'
import { heedLoss, poolSize } from './handed-pool.ts'
import type { Connection } from './internals.ts'
import { Readiness } from './readiness.ts'
import { ServerCheck } from './server-check.ts'
import { hostOf } from './server-facts.ts'
import type { Need } from './server-role.ts'
import type { Taken } from './taken.ts'
import { isLackOfTime } from './wire-errors.ts'
import { WriterSeat } from './writer-seat.ts'

/** What came from one of these pools. */
interface OwnTaken extends Taken {
  readonly from: ClientPool
}

interface PoolsOptions {
  /** The instance that they stand behind. */
  readonly db: object
  readonly coolDownMs: number
  /** Two writers, and two clusters, are refused. */
  readonly checkServers: boolean
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
  readonly #seat: WriterSeat | undefined
  readonly #readiness: Readiness
  readonly #mayLeave: boolean
  readonly #db: object
  readonly #coolDownMs: number
  readonly #taken = new WeakMap<Connection, OwnTaken>()

  constructor(
    readers: readonly ClientPool[],
    writer: ClientPool | undefined,
    { db, coolDownMs, checkServers, mayLeave, consistency }: PoolsOptions,
  ) {
    this.#db = db
    this.#coolDownMs = coolDownMs
    this.#mayLeave = mayLeave
    this.all = writer ? [...readers, writer] : readers
    this.writer = writer
    this.#hasReaders = readers.length > 0
    this.#readers = new ReaderSet(readers, coolDownMs)
    const check = checkServers && this.all.length > 1 ? new ServerCheck(writer) : undefined
    this.#readiness = new Readiness(check, consistency)
    this.#seat = writer && new WriterSeat(writer, readers, (...how) => this.#takeFrom(...how))
  }

  /** Whose connection it is; `undefined` for one that came from elsewhere. */
  ownerOf(connection: Connection): ClientPool | undefined {
    return this.#taken.get(connection)?.from
  }

  /** Where what runs on a connection runs, and why. */
  routeOf(connection: Connection): RouteChoice | undefined {
    return this.#taken.get(connection)?.choice
  }

  /** Where something that is to run on a target can: without readers the writer is all there is. */
  whereIs(target: Target): Target {
    return this.#hasReaders ? target : 'writer'
  }

  /** How many connections there can be; `undefined` where a pool does not say. */
  sizeOf(target: Target): number | undefined {
    const pools = target === 'writer' ? [this.#seat!.pool] : this.all.filter((pool) => pool !== this.writer)
    const sizes = pools.map(({ client }) => poolSize(client))
    return sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + size!, 0)
  }

  /** The pools that reads are sent to. */
  get forReads(): readonly ClientPool[] {
    return this.#hasReaders ? this.all.filter((pool) => pool !== this.writer) : this.all
  }

  /** Closes all of them, as Knex closes one. */
  async destroy(callback?: (error?: unknown) => void): Promise<void> {
    const results = await Promise.allSettled(this.all.map((pool) => pool.destroy()))
    const failed = results.find((result) => result.status === 'rejected')
    if (callback) callback(failed?.reason)
    else if (failed) throw failed.reason
  }

  /**
   * Takes a connection where it is wanted, or, if no reader can be reached, from the writer.
   *
   * @param onFallback - called before the writer is asked for what was for a reader; what it throws is thrown.
   * @throws NoWriterError
   */
  take(choice: RouteChoice, what: () => string, onFallback?: () => void): Promise<Taken> {
    if (choice.target === 'reader') {
      return this.#hasReaders
        ? this.#takeFromReaders(choice, what, onFallback)
        : this.#seat!.take({ target: 'writer', reason: 'only-pool' }, needOf(choice), what)
    }
    return this.#seat
      ? this.#seat.take(choice, 'writer', what)
      : Promise.reject(noWriter(choice.reason, what()))
  }

  /** Takes a connection of one of them, whatever its server is. */
  async takeOf(pool: ClientPool): Promise<Taken> {
    return (await this.#takeFrom(pool, { target: 'reader', reason: 'reads' }, 'any'))!
  }

  async #takeFromReaders(
    choice: RouteChoice,
    what: () => string,
    onFallback: (() => void) | undefined,
  ): Promise<Taken> {
    let failure: unknown
    for (const reader of this.#readers.inOrder(this.writer !== undefined)) {
      try {
        const taken = await this.#takeFrom(reader, choice, needOf(choice))
        if (taken) return taken
      } catch (error) {
        if (error instanceof FlattenError) throw error
        // Its connections are all in use: it works.
        if (isLackOfTime(error) && reader.isFull) throw error
        this.#readers.failed(reader)
        this.#tellFailed(reader, error)
        failure = error
        continue
      }
      // What goes wrong there is no fault of this reader's.
      if (!this.writer || !this.#mayLeave) throw cannotForward(what(), this.writer !== undefined)
      onFallback?.()
      return this.#fallBack(choice, 'cannot-forward', what)
    }
    if (!this.writer) throw failure
    onFallback?.()
    return this.#fallBack(choice, 'readers-failed', what)
  }

  #fallBack(wanted: RouteChoice, reason: RouteReason, what: () => string): Promise<Taken> {
    const route: RouteChoice = { target: 'writer', reason }
    publish('knex-flatten:fallback', () => ({ db: this.#db, wanted, route }))
    return this.#seat!.take(route, needOf(wanted), what)
  }

  #tellFailed({ name }: ClientPool, error: unknown): void {
    publish('knex-flatten:reader-failed', () => ({
      db: this.#db,
      pool: name,
      error,
      coolDownMs: this.#coolDownMs,
    }))
  }

  /** @param unfit - told where it leads, if the server does not meet the need. */
  async #takeFrom(
    pool: ClientPool,
    choice: RouteChoice,
    need: Need,
    unfit?: (host: string) => void,
  ): Promise<Taken | undefined> {
    const connection = await pool.take()
    const taken: OwnTaken = { connection, choice, from: pool }
    this.#taken.set(connection, taken)
    heedLoss(pool.client, connection)
    if (this.#readiness.holds(pool, connection, need)) return taken
    // A reader that has never forwarded is nothing special, where somebody else will do.
    const mayGoElsewhere = need === 'writes' && pool !== this.writer && this.writer && this.#mayLeave
    try {
      if (await this.#readiness.reach(pool, connection, need, !mayGoElsewhere)) return taken
    } catch (error) {
      await pool.giveBack(connection)
      throw error
    }
    unfit?.(hostOf(connection))
    await pool.giveBack(connection)
    return undefined
  }
}

function needOf({ reason }: RouteChoice): Need {
  return reason === 'forwards' ? 'writes' : 'any'
}
