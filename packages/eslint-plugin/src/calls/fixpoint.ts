interface Frame<N, Entry> {
  readonly key: N
  readonly index: number
  lowest: number
  entries: readonly Entry[]
}

/** Deeper than anyone reads a chain; generated code goes on for thousands. */
const deepest = 200

/** Each pass only adds, and what it can add is bounded; this is for what nobody thought of. */
const passes = 10

/**
 * Works out what functions do that call each other, every function once. Those that call in a circle know only half of each other at
 * first: the whole circle (a strongly connected component, found as Tarjan does) is asked again until nothing is new.
 */
export class Fixpoint<N extends object, Entry> {
  readonly #work: (key: N) => readonly Entry[]
  readonly #done = new WeakMap<N, readonly Entry[]>()
  readonly #open = new Map<N, Frame<N, Entry>>()
  readonly #circle: Frame<N, Entry>[] = []
  readonly #way: Frame<N, Entry>[] = []
  #next = 0

  constructor(work: (key: N) => readonly Entry[]) {
    this.#work = work
  }

  of(key: N): readonly Entry[] {
    const done = this.#done.get(key)
    if (done !== undefined) return done
    const open = this.#open.get(key)
    const asking = this.#way.at(-1)
    if (open !== undefined) {
      if (asking !== undefined) asking.lowest = Math.min(asking.lowest, open.index)
      return open.entries
    }
    if (this.#way.length >= deepest) return []

    const index = this.#next++
    const frame: Frame<N, Entry> = { key, index, lowest: index, entries: [] }
    this.#open.set(key, frame)
    this.#circle.push(frame)
    this.#way.push(frame)
    frame.entries = this.#work(key)
    this.#way.pop()
    if (asking !== undefined) asking.lowest = Math.min(asking.lowest, frame.lowest)
    if (frame.lowest === index) this.#close(this.#circle.splice(this.#circle.indexOf(frame)))
    return frame.entries
  }

  #close(circle: readonly Frame<N, Entry>[]): void {
    const isCircle = circle.some(({ entries }) => entries.length > 0) && circle.length > 1
    for (let pass = 0, isNew = isCircle; isNew && pass < passes; pass++) {
      isNew = false
      for (const frame of circle) {
        const entries = this.#work(frame.key)
        isNew ||= entries.length > frame.entries.length
        frame.entries = entries
      }
    }
    for (const { key, entries } of circle) {
      this.#open.delete(key)
      this.#done.set(key, entries)
    }
  }
}
