interface Waiting {
  readonly begin: () => void
  readonly refuse: (error: Error) => void
}

/** As long as a timer of Node's can be. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Hands one thing to one taker at a time, in the order they ask for it.
 *
 * Whoever holds it may be the very code that waits for it, which nobody can tell from code that takes its time. So where nothing
 * has moved for `stuckAfterMs`, those who wait are refused, instead of letting them wait for ever.
 */
export class OneAtATime {
  readonly #stuckAfterMs: number
  readonly #stuck: () => Error
  #waiting: Waiting[] = []
  #closed: Error | undefined
  #taken = false
  #busy = 0
  #movedAt = 0
  #timer: NodeJS.Timeout | undefined

  /** @param stuck - what those are told who have waited in vain. */
  constructor(stuckAfterMs: number, stuck: () => Error) {
    this.#stuckAfterMs = stuckAfterMs
    this.#stuck = stuck
  }

  /** Settles when it is the taker's; @throws what `stuck` or `close` say. */
  async take(): Promise<void> {
    if (this.#closed) throw this.#closed
    this.#move()
    if (!this.#taken) {
      this.#taken = true
      return
    }
    await new Promise<void>((begin, refuse) => {
      this.#waiting.push({ begin, refuse })
      this.#watch(this.#stuckAfterMs)
    })
  }

  /** It is free for the next. */
  give(): void {
    this.#move()
    const next = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#stopWatching()
    if (next) next.begin()
    else this.#taken = false
  }

  /** As long as this runs, it is in good hands. */
  async during<Value>(run: () => Promise<Value>): Promise<Value> {
    this.#busy++
    try {
      return await run()
    } finally {
      this.#busy--
      this.#move()
    }
  }

  /** Nobody gets it any more. */
  close(error: Error): void {
    this.#closed = error
    this.#refuseAll(error)
  }

  #move(): void {
    this.#movedAt = performance.now()
  }

  #watch(delayMs: number): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        const restMs =
          this.#busy > 0 ? this.#stuckAfterMs : this.#movedAt + this.#stuckAfterMs - performance.now()
        if (restMs <= 0) this.#refuseAll(this.#stuck())
        else if (this.#waiting.length > 0) this.#watch(restMs)
      },
      Math.min(delayMs, LONGEST_MS),
    )
  }

  /** A timer keeps a process from ending. */
  #stopWatching(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #refuseAll(error: Error): void {
    this.#stopWatching()
    for (const { refuse } of this.#waiting.splice(0)) refuse(error)
  }
}
