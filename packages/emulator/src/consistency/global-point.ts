import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { flushPosition, type FlushPosition } from './flush-position.ts'

const idleMs = 5000

/**
 * Global consistency: how far the primary's log is now. One session on the primary asks for all who want to know, and those
 * who want to know at the same time share an answer; but nobody is given one that was asked for before they wanted to know.
 */
export class GlobalPoint {
  #open: () => Promise<Backend>
  #connection: Backend | undefined
  #asking: Promise<unknown> | undefined
  #next: Promise<FlushPosition> | undefined
  #idle: NodeJS.Timeout | undefined
  #stopped = false

  /** @param open opens a session on the primary. */
  constructor(open: () => Promise<Backend>) {
    this.#open = open
  }

  /** Where the primary's log is safe, asked after this call. @throws BackendLost if the primary does not answer. */
  now(): Promise<FlushPosition> {
    return (this.#next ??= this.#askAfter(this.#asking))
  }

  stop(): void {
    this.#stopped = true
    this.#close()
  }

  async #askAfter(earlier: Promise<unknown> | undefined): Promise<FlushPosition> {
    await earlier?.catch(() => undefined)
    const asking = this.#ask()
    this.#asking = asking
    this.#next = undefined
    return asking
  }

  async #ask(): Promise<FlushPosition> {
    clearTimeout(this.#idle)
    try {
      const kept = this.#connection && (await askOn(this.#connection).catch(unlessLost))
      return kept ?? (await askOn((this.#connection = await this.#open())))
    } catch (error) {
      if (error instanceof BackendLost) this.#close()
      throw error
    } finally {
      if (this.#stopped) this.#close()
      else this.#idle = setTimeout(() => this.#close(), idleMs).unref()
    }
  }

  #close(): void {
    clearTimeout(this.#idle)
    this.#connection?.end()
    this.#connection = undefined
  }
}

/** Anybody's commit counts, so nothing is known of who left theirs unflushed. */
const askOn = (primary: Backend): Promise<FlushPosition> => flushPosition(primary, true)

/** That a session is gone which was kept from before says nothing about the primary: a new one will tell. */
function unlessLost(error: unknown): undefined {
  if (!(error instanceof BackendLost)) throw error
}
