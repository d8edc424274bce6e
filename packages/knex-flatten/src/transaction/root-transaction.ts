import type { CrossingCount } from '../crossings/crossing-count.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { RouteChoice, Target } from '../routing/choice.ts'
import type { CallSite } from './call-site.ts'
import type { Traits } from './frame.ts'
import { Hooks, type Outcome } from './hooks.ts'
import { Unit } from './unit.ts'

/** Whom a root belongs to. */
interface Owner {
  /** What the application knows it by. */
  readonly knex?: object
}

/** One BEGIN…COMMIT on one connection, and what has become of it. */
export class RootTransaction extends Unit {
  declare readonly parent: undefined
  readonly root: RootTransaction = this
  readonly word = 'transaction'
  /** Stands for the wrapped instance it was opened on: only its own instance's calls may join it. */
  readonly owner: Owner
  readonly isolationLevel: string | undefined
  /** Which of several pools it was to run on. */
  chosen: Target | undefined
  /** Which of several pools it runs on, once that is settled; `undefined` where there is only one. */
  target: Target | undefined
  /** Where it runs in the end, and why, once that is settled; `undefined` where there is only one pool. */
  route: RouteChoice | undefined
  /** What its reads wait for on a reader; `undefined` where the server decides. */
  consistency: ConsistencyMode | undefined
  /** What the block that it was opened in says of that. */
  blockMode: ConsistencyMode | undefined
  /** It keeps one of the pool's connections from others. */
  onConnection = false
  /** How it ended; `undefined` while it has not. */
  outcome: Outcome | undefined
  /** Why it was rolled back under the code inside it, which may go on; what that still asks for is refused with this. */
  abandoned: Error | undefined
  /** How many streams of rows are being read from it; no other statement is answered before they end. */
  rowStreams = 0
  /** How often it crosses to the writer. */
  crossings: CrossingCount | undefined
  /** Which run of it this is, where it is run again. */
  attempt = 1
  /** How many statements of the application's were sent. */
  statements = 0
  readonly openedAtMs: number = performance.now()
  /** Whether anybody wants to know if it has written, and whether it has. */
  isInRequest = false
  wrote = false
  #hooks: Hooks | undefined

  constructor(owner: Owner, traits: Traits, site: CallSite) {
    super(undefined, traits, site)
    this.owner = owner
    this.isolationLevel = traits.isolationLevel
  }

  /** What is to be called when it ends; most transactions have nothing. */
  get hooks(): Hooks | undefined {
    return this.#hooks
  }

  addHooks(): Hooks {
    return (this.#hooks ??= new Hooks(this))
  }
}
