import type { CallSite } from '../transaction/call-site.ts'
import type { TransactionSettings } from '../options/transaction-settings.ts'
import type { ClientPool } from './client-pool.ts'
import { OneAtATime } from '../transaction/one-at-a-time.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import {
  endedInside,
  leftRunning,
  rootBesideRoot,
  testLevelTooWeak,
  testLost,
  testOnReader,
  testOver,
  waitedInVain,
} from '../transaction/test-verdicts.ts'
import { heedLoss } from './handed-pool.ts'
import type { Instance } from './instance.ts'
import type { Connection } from './internals.ts'
import { LentConnection } from './lent-connection.ts'
import { isStronger } from './opening.ts'
import { type Ask, beginTest, beginUnit, endTest } from './test-unit.ts'
import { rootOn } from './transaction-state.ts'
import { endsSession, isLost, raisedByServer } from './wire-errors.ts'

/** As it is before a test puts its own clock in its place. */
const nextTurn = setImmediate

/** How a test transaction is held. */
export interface TestSettings {
  readonly isolationLevel: string | undefined
  /** Milliseconds without anything happening on the connection, after which nobody waits for it any longer. */
  readonly stuckAfterMs: number
}

/**
 * Stands in for the pool of an instance while a test runs: one connection, inside one real transaction that is never committed,
 * lent to one taker at a time.
 */
export class TestSession {
  readonly site: CallSite
  readonly isolationLevel: string | undefined
  /** The roots opened in the test. */
  readonly roots = new Set<RootTransaction>()
  /** Why nothing can be sent any more. */
  over: Error | undefined
  readonly #instance: Instance
  /** Where its connection comes from, below all that this library puts over it: of several pools the writer's. */
  readonly #pool: ClientPool
  readonly #turns: OneAtATime
  readonly #ready: Promise<void>
  #connection!: Connection
  #lent: LentConnection | undefined
  #end: Promise<void> | undefined

  constructor(instance: Instance, { isolationLevel, stuckAfterMs }: TestSettings, site: CallSite) {
    this.site = site
    this.isolationLevel = isolationLevel
    this.#instance = instance
    this.#pool = instance.pools.writer ?? instance.pools.forReads[0]!
    this.#turns = new OneAtATime(stuckAfterMs, () => waitedInVain(this.#holder, stuckAfterMs, site))
    this.#ready = this.#begin()
    // Whoever has begun it is told.
    this.#ready.catch(() => undefined)
  }

  /** Settles once it has begun. @throws TransactionOptionsError on a reader, and whatever keeps it from beginning */
  get ready(): Promise<void> {
    return this.#ready
  }

  /** Sends what is the test's own, past Knex's events. */
  readonly ask: Ask = async (sql) => {
    const { response } = await this.#pool.ask(this.#connection, sql)
    return [response!].flat()
  }

  /** Begins what can be undone alone. @throws TestTransactionError where the connection has gone */
  async beginUnit(readOnly: boolean): Promise<void> {
    try {
      await beginUnit(this.ask, readOnly)
    } catch (error) {
      throw raisedByServer(error) && !endsSession(error) ? error : testLost(this.site, error)
    }
  }

  /** Lends the connection, when those before have given it back. */
  async lend(): Promise<Connection> {
    await this.#ready
    await this.#turns.take()
    const lost = this.#lostBecause
    if (lost === undefined) {
      this.#lent = new LentConnection(this, this.#connection)
      return this.#lent.handle
    }
    this.#turns.give()
    throw testLost(this.site, lost)
  }

  /** Takes it back. Knex gives some connections back twice. */
  async takeBack(lent: LentConnection): Promise<void> {
    if (lent !== this.#lent) return
    this.#lent = undefined
    await lent.finish()
    this.#turns.give()
  }

  /** While this runs, whoever waits for the connection waits for something. */
  during<Value>(run: () => Promise<Value>): Promise<Value> {
    return this.#turns.during(run)
  }

  /** The root that has the connection, where it is one of these. */
  holderAmong(around: ReadonlySet<RootTransaction>): RootTransaction | undefined {
    return [...around].find((root) => root.onConnection && this.roots.has(root))
  }

  /** Why a root cannot be opened in this test. */
  refuseRoot(
    settings: TransactionSettings,
    around: ReadonlySet<RootTransaction>,
    site: CallSite,
  ): Error | undefined {
    const holder = this.holderAmong(around)
    if (holder) return rootBesideRoot(settings, holder, site)
    const { isolationLevel } = settings
    return isolationLevel !== undefined && isStronger(isolationLevel, this.isolationLevel)
      ? testLevelTooWeak(isolationLevel, this, site)
      : undefined
  }

  /** Rolls it back, once what it has started has come to its end. @throws TestTransactionError where something has not */
  end(): Promise<void> {
    return (this.#end ??= this.#roll(() => this.#turns.take()))
  }

  /** Rolls it back at once, whatever is still running. */
  cut(): Promise<void> {
    return (this.#end ??= this.#roll(() => Promise.resolve()))
  }

  async #begin(): Promise<void> {
    this.#connection = await this.#pool.take()
    heedLoss(this.#pool.client, this.#connection)
    try {
      const [answer] = await this.ask('SELECT pg_is_in_recovery() AS reader')
      if (answer?.rows?.[0]?.['reader'] !== false) throw testOnReader(this.site)
      await beginTest(this.ask, this.isolationLevel)
    } catch (error) {
      await this.#release()
      throw error
    }
  }

  async #roll(awaitTurn: () => Promise<void>): Promise<void> {
    try {
      await this.#ready
    } catch {
      // It never began.
      return
    }
    // What was started and not awaited asks for the connection within this turn of the loop.
    await new Promise((resolve) => nextTurn(resolve))
    await awaitTurn().catch(() => undefined)
    const open = [...this.roots].find(({ ended }) => !ended)
    const left = this.#lent ? this.#holder : open && `the ${open}`
    this.over = left === undefined ? testOver(this.site) : leftRunning(left, this.site)
    for (const root of this.roots) {
      if (!root.ended) root.doom({ kind: 'scope-open', frame: root, error: this.over })
    }
    this.#turns.close(this.over)
    this.#instance.testing = undefined
    if (left === undefined) return this.#rollBack()
    this.#connection.__knex__disposed ??= this.over
    await this.#pool.discard(this.#connection).catch(() => undefined)
    await this.#release()
    throw this.over
  }

  async #rollBack(): Promise<void> {
    try {
      await endTest(this.ask)
    } catch (error) {
      if (this.#lostBecause === undefined) throw endedInside(this.site, error)
    } finally {
      await this.#release()
    }
  }

  async #release(): Promise<void> {
    await this.#pool.giveBack(this.#connection)
  }

  get #lostBecause(): unknown {
    const mark = this.#connection.__knex__disposed
    return isLost(mark) ? mark : undefined
  }

  /** Who has the connection, in words. */
  get #holder(): string {
    const root = this.#lent && rootOn(this.#lent.handle)?.root
    return root ? `the ${root}` : 'a query'
  }
}
