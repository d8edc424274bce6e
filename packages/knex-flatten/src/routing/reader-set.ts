/** Something that connections come from. */
export interface Lender {
  /** How many of its connections are in use or waited for. */
  readonly busy: number
}

interface Reader<Pool extends Lender> {
  readonly pool: Pool
  /** Until when nobody is sent to it, by `performance.now()`. */
  coolUntil: number
}

/** Several readers: the least busy first, those that have failed left alone for a while. */
export class ReaderSet<Pool extends Lender> {
  readonly #readers: readonly Reader<Pool>[]
  readonly #coolDownMs: number
  #turn = 0

  /** @param coolDownMs - how long a reader that could not be reached is left alone. */
  constructor(pools: readonly Pool[], coolDownMs: number) {
    this.#readers = pools.map((pool) => ({ pool, coolUntil: 0 }))
    this.#coolDownMs = coolDownMs
  }

  /**
   * The readers to ask, the best first; of several that are equally busy each in its turn.
   *
   * @param mayBeNone - whether somebody else will do: otherwise those that have failed are asked again where there is no other.
   */
  inOrder(mayBeNone: boolean): Pool[] {
    const now = performance.now()
    const warm = this.#readers.filter(({ coolUntil }) => coolUntil <= now)
    const asked = warm.length > 0 || mayBeNone ? warm : this.#readers
    if (asked.length < 2) return asked.map(({ pool }) => pool)
    const first = this.#turn++ % asked.length
    const turned = [...asked.slice(first), ...asked.slice(0, first)].map(({ pool }) => pool)
    return turned.toSorted((one, other) => one.busy - other.busy)
  }

  /** It could not be reached. */
  failed(pool: Pool): void {
    const reader = this.#readers.find((each) => each.pool === pool)
    if (reader) reader.coolUntil = performance.now() + this.#coolDownMs
  }
}
