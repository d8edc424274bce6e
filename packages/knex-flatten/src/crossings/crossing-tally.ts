/** How often a transaction, or a request, may cross to the writer, every COMMIT included. */
export interface CrossingBudget {
  /** Knex's log is told of one that crosses more often, once. */
  readonly warn?: number
  /** A statement with which one would cross more often is refused with `CrossingsExceededError`. */
  readonly max?: number
}

const NONE: ReadonlyMap<string, number> = new Map()
const MOST_TEXTS = 100

/** What has crossed to the writer, beside what may. */
export class CrossingTally {
  readonly of: 'transaction' | 'request'
  readonly budget: CrossingBudget
  /** What has begun and crossed must end, which crosses too: it is in the budget from then on. */
  owed = 0
  #sent = 0
  #texts: Map<string, number> | undefined
  #warned = false

  constructor(of: CrossingTally['of'], budget: CrossingBudget) {
    this.of = of
    this.budget = budget
  }

  /** How often, so far. */
  get total(): number {
    return this.#sent
  }

  /** What has crossed of the application's, how often, where there is a budget; after the first hundred texts no others. */
  get texts(): ReadonlyMap<string, number> {
    return this.#texts ?? NONE
  }

  /** Whether so many more would be too many. */
  forbids(more: number): boolean {
    return this.budget.max !== undefined && this.#sent + this.owed + more > this.budget.max
  }

  count(): void {
    this.#sent++
  }

  /** Takes note of a statement of the application's that was counted. @returns whether it is the first above `warn` */
  note(sql: string): boolean {
    const { warn = Infinity, max } = this.budget
    if (warn === Infinity && max === undefined) return false
    this.#remember(sql)
    if (this.#warned || this.#sent + this.owed <= warn) return false
    this.#warned = true
    return true
  }

  #remember(sql: string): void {
    const texts = (this.#texts ??= new Map<string, number>())
    const before = texts.get(sql)
    if (before !== undefined || texts.size < MOST_TEXTS) texts.set(sql, (before ?? 0) + 1)
  }
}
