import { labelOf } from './told-by-error.ts'

/** What is counted while the clients run. */
export class Figures {
  readonly violations: string[] = []
  readonly #started = performance.now()
  readonly #times = new Map<string, number[]>()
  readonly #failures = new Map<string, { count: number; readonly first: string }>()
  readonly #counts = new Map<string, number>()
  requests = 0

  get seconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  /** A request of a kind has come to its end, after so many milliseconds. */
  done(kind: string, ms: number): void {
    this.requests++
    const times = this.#times.get(kind)
    if (times) times.push(ms)
    else this.#times.set(kind, [ms])
  }

  failed(kind: string, error: unknown): void {
    const label = `${kind}: ${labelOf(error)}`
    const known = this.#failures.get(label)
    if (known) known.count++
    else this.#failures.set(label, { count: 1, first: String(error).split('\n').slice(0, 3).join(' | ') })
  }

  count(what: string): void {
    this.#counts.set(what, this.counted(what) + 1)
  }

  counted(what: string): number {
    return this.#counts.get(what) ?? 0
  }

  get failures(): number {
    return [...this.#failures.values()].reduce((sum, { count }) => sum + count, 0)
  }

  /** Told at once: whoever watches need not wait for the end. */
  violation(what: string): void {
    this.violations.push(what)
    if (this.violations.length <= 50) console.log(`VIOLATION  ${what}`)
  }

  /** Each kind's requests and times, and what failed by what. */
  report(): string[] {
    const times = [...this.#times].map(([kind, all]) => {
      const sorted = all.toSorted((one, other) => one - other)
      const at = (part: number): string => sorted[Math.floor((sorted.length - 1) * part)]!.toFixed(1)
      return `${kind.padEnd(24)} ${String(sorted.length).padStart(8)}  p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  max ${at(1)} ms`
    })
    const failures = [...this.#failures]
      .sort(([, one], [, other]) => other.count - one.count)
      .map(([label, { count, first }]) => `${String(count).padStart(8)}  ${label}, first: ${first}`)
    return [...times, 'failed, by kind and by what was heard:', ...failures]
  }
}
