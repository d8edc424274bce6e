import type { ConsistencyMode } from '../options/options.ts'
import type { RouteChoice } from '../routing/choice.ts'
import type { Frame } from '../transaction/frame.ts'
import type { Outcome } from '../transaction/hooks.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'

interface OpenedInfo {
  /** Unique in this process. */
  readonly id: number
  /** As `transaction(…, { name })` says. */
  readonly name: string | undefined
  /** The line that opened it: `src/orders.ts:12:20`; `undefined` with `callSites: false`. */
  readonly openedAt: string | undefined
  /** Asked to read only, itself or around it. */
  readonly readOnly: boolean
}

/** A transaction, a root, as events tell of it: the same object in all of them, and true at any time. */
export interface TransactionInfo extends OpenedInfo {
  readonly kind: 'transaction'
  /** The instance it was opened on. */
  readonly db: object
  readonly isolationLevel: string | undefined
  readonly consistency: ConsistencyMode | undefined
  /** Where it runs, and why, once that is settled; `undefined` where there is one pool. */
  readonly route: RouteChoice | undefined
  /** Which run this is, from 1, where it is run again. */
  readonly attempt: number
  /** How many statements of the application's were sent so far. */
  readonly statements: number
  /** How often it has crossed to the writer so far. */
  readonly crossings: number
  /** `undefined` while it has not ended. */
  readonly outcome: Outcome | undefined
}

/** A scope: a transaction that has joined another. */
export interface ScopeInfo extends OpenedInfo {
  readonly kind: 'scope'
  readonly transaction: TransactionInfo
  /** The scope around it, or the transaction. */
  readonly parent: TransactionInfo | ScopeInfo
  /** It has a savepoint of its own. */
  readonly savepoint: boolean
}

const infos = new WeakMap<Frame, TransactionInfo | ScopeInfo>()
let latest = 0

/** A root or a scope as events tell of it. */
export function infoOf(frame: Frame): TransactionInfo | ScopeInfo {
  const known = infos.get(frame)
  if (known) return known
  const info = frame.parent ? new Scope(frame, frame.parent) : new Transaction(frame.root)
  infos.set(frame, info)
  return info
}

/** The root that a frame belongs to, as events tell of it. */
export function transactionInfoOf(frame: Frame): TransactionInfo {
  return infoOf(frame.root) as TransactionInfo
}

class Opened implements OpenedInfo {
  readonly id: number = ++latest
  readonly #frame: Frame

  constructor(frame: Frame) {
    this.#frame = frame
  }

  get name(): string | undefined {
    return this.#frame.name
  }

  get openedAt(): string | undefined {
    return this.#frame.site.toString()
  }

  get readOnly(): boolean {
    return this.#frame.readOnly
  }
}

class Transaction extends Opened implements TransactionInfo {
  readonly kind = 'transaction'
  readonly #root: RootTransaction

  constructor(root: RootTransaction) {
    super(root)
    this.#root = root
  }

  get db(): object {
    return this.#root.owner.knex ?? this.#root.owner
  }

  get isolationLevel(): string | undefined {
    return this.#root.isolationLevel
  }

  get consistency(): ConsistencyMode | undefined {
    return this.#root.consistency
  }

  get route(): RouteChoice | undefined {
    return this.#root.route
  }

  get attempt(): number {
    return this.#root.attempt
  }

  get statements(): number {
    return this.#root.statements
  }

  get crossings(): number {
    return this.#root.crossings?.total ?? 0
  }

  get outcome(): Outcome | undefined {
    return this.#root.outcome
  }
}

class Scope extends Opened implements ScopeInfo {
  readonly kind = 'scope'
  readonly transaction: TransactionInfo
  readonly parent: TransactionInfo | ScopeInfo
  readonly savepoint: boolean

  constructor(frame: Frame, parent: Frame) {
    super(frame)
    this.transaction = transactionInfoOf(frame)
    this.parent = infoOf(parent)
    this.savepoint = frame.unit === frame
  }
}
