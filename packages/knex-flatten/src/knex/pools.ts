import { FlattenError } from '../errors/flatten-error.ts'
import { publish } from '../events/publish.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { RouteChoice, RouteReason, Target } from '../routing/choice.ts'
import { ReaderSet } from '../routing/reader-set.ts'
import { cannotForward, noWriter } from '../routing/verdicts.ts'
import type { ClientPool } from './client-pool.ts'
import { enterMode, isInMode } from './consistency-mode.ts'
import { heedLoss, poolSize } from './handed-pool.ts'
import type { Connection } from './internals.ts'
import { ServerCheck } from './server-check.ts'
import { hostOf } from './server-facts.ts'
import { isRoleFresh, learnRole, meets, type Need } from './server-role.ts'
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
  readonly #check: ServerCheck | undefined
  readonly #mayLeave: boolean
  readonly #consistency: ConsistencyMode | undefined
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
    this.#consistency = consistency
    this.#mayLeave = mayLeave
    this.all = writer ? [...readers, writer] : readers
    this.writer = writer
    this.#hasReaders = readers.length > 0
    this.#readers = new ReaderSet(readers, coolDownMs)
    this.#check = checkServers && this.all.length > 1 ? new ServerCheck(writer) : undefined
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

  /** Takes a connection where it is wanted, or, if no reader can be reached, from the writer. @throws NoWriterError */
  take(choice: RouteChoice, what: () => string): Promise<Taken> {
    if (choice.target === 'reader') {
      return this.#hasReaders
        ? this.#takeFromReaders(choice, what)
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

  async #takeFromReaders(choice: RouteChoice, what: () => string): Promise<Taken> {
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
      return this.#insteadOfForwarding(choice, what)
    }
    if (!this.writer) throw failure
    return this.#fallBack(choice, 'readers-failed', what)
  }

  async #insteadOfForwarding(choice: RouteChoice, what: () => string): Promise<Taken> {
    if (this.writer && this.#mayLeave) return this.#fallBack(choice, 'cannot-forward', what)
    throw cannotForward(what(), this.writer !== undefined)
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
    if (this.#isReady(pool, connection, need)) return taken
    try {
      if (await this.#makeReady(pool, connection, need)) return taken
    } catch (error) {
      await pool.giveBack(connection)
      throw error
    }
    unfit?.(hostOf(connection))
    await pool.giveBack(connection)
    return undefined
  }

  /** Nothing is to be asked: so it is nearly always. */
  #isReady(pool: ClientPool, connection: Connection, need: Need): boolean {
    return (
      isRoleFresh(connection) &&
      meets(connection, need) &&
      (this.#check?.isSettled(pool, connection) ?? true) &&
      isInMode(connection, this.#consistency)
    )
  }

  async #makeReady(pool: ClientPool, connection: Connection, need: Need): Promise<boolean> {
    await learnRole(connection)
    if (!meets(connection, need) && !this.#mayGoElsewhere(pool, need)) await learnRole(connection, true)
    await this.#check?.settle(pool, connection)
    if (need !== 'writer') await enterMode(connection, this.#consistency)
    return meets(connection, need)
  }

  /** Whether a reader that does not meet a need is nothing special: it has never forwarded. */
  #mayGoElsewhere(pool: ClientPool, need: Need): boolean {
    return need === 'writes' && pool !== this.writer && this.writer !== undefined && this.#mayLeave
  }
}

function needOf({ reason }: RouteChoice): Need {
  return reason === 'forwards' ? 'writes' : 'any'
}
