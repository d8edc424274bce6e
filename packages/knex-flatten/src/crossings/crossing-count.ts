import type { RouteChoice } from '../routing/choice.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import type { ForwardedTexts } from './forwarded-texts.ts'

/** How often a transaction may cross to the writer, its COMMIT included. */
export interface CrossingBudget {
  /** Knex's log is told of a transaction that crosses more often, once. */
  readonly warn?: number
  /** A statement with which a transaction would cross more often is refused with `CrossingsExceededError`. */
  readonly max?: number
}

/** What an instance counts crossings by. */
export interface CrossingRules {
  readonly budget: CrossingBudget
  readonly forwarded: ForwardedTexts
}

const NONE: ReadonlyMap<string, number> = new Map()
const MOST_TEXTS = 100

/** Where crossings are added up beside the transaction that they are of. */
export interface CrossingTally {
  crossings: number
}

/** What a statement is answered with that is about to be sent. */
type Verdict = 'fine' | 'warn' | 'refuse'

/**
 * How often a root crosses to the writer.
 *
 * On a reader, or where there is one server only, what writes or locks rows crosses, and so does the end of a root that has done so: BEGIN and
 * reads do not leave the reader. On the writer of an instance that has readers near by, everything crosses.
 */
export class CrossingCount {
  readonly #root: RootTransaction
  readonly #rules: CrossingRules
  readonly #tally: CrossingTally | undefined
  #sent = 0
  #texts: Map<string, number> | undefined
  #warned = false

  /** @param tally - what they are added to as well. */
  constructor(root: RootTransaction, rules: CrossingRules, tally?: CrossingTally) {
    this.#tally = tally
    this.#root = root
    this.#rules = rules
  }

  /** So far. */
  get total(): number {
    return this.#sent
  }

  /** What has crossed of the application's, how often, where there is a budget; after the first hundred texts no others. */
  get texts(): ReadonlyMap<string, number> {
    return this.#texts ?? NONE
  }

  /** Counts a statement of the application's that is about to be sent, unless it is refused: its COMMIT must be within the budget too. */
  statement(sql: string): Verdict {
    if (!this.#crosses(sql)) return 'fine'
    const { warn = Infinity, max = Infinity } = this.#rules.budget
    const withCommit = this.#sent + 2
    if (withCommit > max) return 'refuse'
    this.#count()
    if (warn === Infinity && max === Infinity) return 'fine'
    this.#remember(sql)
    if (withCommit <= warn || this.#warned) return 'fine'
    this.#warned = true
    return 'warn'
  }

  /** Counts a statement of the transaction's own that is sent. */
  control(control: 'begin' | 'savepoint' | 'commit' | 'rollback'): void {
    const isEnd = control === 'commit' || control === 'rollback'
    if (this.#isFarAway || (isEnd && this.#sent > 0)) this.#count()
  }

  #count(): void {
    this.#sent++
    if (this.#tally) this.#tally.crossings++
  }

  #remember(sql: string): void {
    const texts = (this.#texts ??= new Map<string, number>())
    const before = texts.get(sql)
    if (before !== undefined || texts.size < MOST_TEXTS) texts.set(sql, (before ?? 0) + 1)
  }

  #crosses(sql: string): boolean {
    if (this.#isFarAway) return true
    // What writes in it is refused where it is.
    return !this.#root.readOnly && this.#rules.forwarded.has(sql)
  }

  get #isFarAway(): boolean {
    return isFarAway(this.#root.route)
  }
}

/** Whether a statement outside of any transaction crosses: it is stored at once, in one round trip. */
export function crossesAlone(
  sql: string,
  route: RouteChoice | undefined,
  { forwarded }: CrossingRules,
): boolean {
  return isFarAway(route) || forwarded.has(sql)
}

function isFarAway(route: RouteChoice | undefined): boolean {
  return route?.target === 'writer' && route.reason !== 'only-pool'
}
