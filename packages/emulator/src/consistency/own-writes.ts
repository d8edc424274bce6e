import type { Backend } from '../backend/backend.ts'
import { flushPosition } from './flush-position.ts'
import type { ReplayTracker } from './replay-tracker.ts'

/** Session consistency: what this session committed on the primary must be replayed on the standby before it reads there. */
export class OwnWrites {
  #tracker: ReplayTracker
  #target = 0n
  /** Something was committed of which the place is not known yet. */
  #unplaced = false
  #mayBeUnflushed = false

  constructor(tracker: ReplayTracker) {
    this.#tracker = tracker
  }

  /** A forwarded transaction ended, and may have committed. */
  committed(): void {
    this.#unplaced = true
  }

  /** The session has had a hand in `synchronous_commit`: its commits may be answered before they are flushed. */
  mayBeUnflushed(): void {
    this.#mayBeUnflushed = true
  }

  get unplaced(): boolean {
    return this.#unplaced
  }

  /**
   * Asks the primary what the standby has to replay.
   * @returns the primary's error, if it would not say.
   * @throws BackendLost
   */
  async place(primary: Backend): Promise<Buffer | undefined> {
    const position = await flushPosition(primary, this.#mayBeUnflushed)
    if ('error' in position) return position.error
    this.#target = position.lsn
    this.#unplaced = false
    return undefined
  }

  /** Whether a read may go to the standby at once. */
  isVisible(standbyStart: string): boolean {
    return !this.#unplaced && this.#tracker.hasReplayed(this.#target, standbyStart)
  }

  /** Resolves when the standby shows all that was placed. @throws as {@link ReplayTracker.wait}. */
  wait(pid: number, signal: AbortSignal): Promise<void> {
    return this.#tracker.wait(this.#target, pid, signal)
  }
}
