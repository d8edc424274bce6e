import type { RouteChoice } from '../routing/choice.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import { type CrossingBudget, CrossingTally } from './crossing-tally.ts'
import type { ForwardedTexts } from './forwarded-texts.ts'

/** What an instance counts crossings by. */
export interface CrossingRules {
  readonly budget: CrossingBudget
  readonly forwarded: ForwardedTexts
}

/** A statement is about to be sent that is above a budget: it is refused, or told of. */
export interface Overrun {
  readonly verdict: 'refused' | 'sent'
  /** Whose budget it is. */
  readonly tally: CrossingTally
  /** How many crossings more it comes to, its COMMIT included, where that is not in the tally yet. */
  readonly more: number
}

const NONE: readonly Overrun[] = []

/**
 * How often a root crosses to the writer.
 *
 * On a reader, or where there is one server only, what writes or locks rows crosses, and so does the end of a root that has done so: BEGIN and
 * reads do not leave the reader. On the writer of an instance that has readers near by, everything crosses.
 */
export class CrossingCount extends CrossingTally {
  readonly #root: RootTransaction
  readonly #rules: CrossingRules
  readonly #request: CrossingTally | undefined

  /** @param request - that of the request which it is a part of. */
  constructor(root: RootTransaction, rules: CrossingRules, request?: CrossingTally) {
    super('transaction', rules.budget)
    this.#root = root
    this.#rules = rules
    this.#request = request
  }

  /** Counts a statement of the application's that is about to be sent, unless it is refused: its COMMIT must be within each budget too. */
  statement(sql: string): readonly Overrun[] {
    if (!this.#crosses(sql)) return NONE
    const more = this.owed === 0 ? 2 : 1
    if (this.forbids(more)) return [{ verdict: 'refused', tally: this, more }]
    const request = this.#request
    if (request?.forbids(more)) return [{ verdict: 'refused', tally: request, more }]
    this.#count()
    this.#owe()
    const isMany = this.note(sql)
    const areMany = request?.note(sql) ?? false
    if (!isMany && !areMany) return NONE
    const many = [isMany && this, areMany && request!].filter((tally) => tally !== false)
    return many.map((tally) => ({ verdict: 'sent', tally, more: 0 }))
  }

  /** Why its BEGIN must not be sent: the request has crossed so often that it and its end would be too much. */
  begin(): readonly Overrun[] {
    if (!this.#isFarAway || !this.#request?.forbids(2)) return NONE
    return [{ verdict: 'refused', tally: this.#request, more: 2 }]
  }

  /** Counts a statement of the transaction's own that is sent. */
  control(control: 'begin' | 'savepoint' | 'commit' | 'rollback'): void {
    const isEnd = control === 'commit' || control === 'rollback'
    if (!this.#isFarAway && !(isEnd && this.total > 0)) return
    this.#count()
    if (isEnd) this.over()
    else this.#owe()
  }

  /** It has ended, or has not begun: no end of its is to come. */
  over(): void {
    if (this.#request) this.#request.owed -= this.owed
    this.owed = 0
  }

  #count(): void {
    this.count()
    this.#request?.count()
  }

  #owe(): void {
    if (this.owed > 0) return
    this.owed = 1
    if (this.#request) this.#request.owed++
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

/** Counts, for a request, a statement outside of any transaction that is about to be sent: it is stored at once, in one round trip. */
export function countAlone(
  sql: string,
  {
    route,
    rules,
    request,
  }: Readonly<{
    route: RouteChoice | undefined
    rules: CrossingRules
    request: CrossingTally
  }>,
): Overrun | undefined {
  if (!isFarAway(route) && !rules.forwarded.has(sql)) return undefined
  if (request.forbids(1)) return { verdict: 'refused', tally: request, more: 1 }
  request.count()
  return request.note(sql) ? { verdict: 'sent', tally: request, more: 0 } : undefined
}

function isFarAway(route: RouteChoice | undefined): boolean {
  return route?.target === 'writer' && route.reason !== 'only-pool'
}
