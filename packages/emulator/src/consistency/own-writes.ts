import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import { parseLsn } from './lsn.ts'
import type { ReplayTracker } from './replay-tracker.ts'

/**
 * Session consistency: what this session committed on the primary must be replayed on the standby before it reads there.
 *
 * The place to wait for is the primary's **flush** position after the commit. Its insert position would be ahead of anything
 * the standby can be sent, and a read would stall until the next commit or checkpoint.
 */
export class OwnWrites {
  #tracker: ReplayTracker
  #target = 0n
  /** Something was committed of which the place is not known yet. */
  #unplaced = false

  constructor(tracker: ReplayTracker) {
    this.#tracker = tracker
  }

  /** A forwarded transaction ended, and may have committed. */
  committed(): void {
    this.#unplaced = true
  }

  get unplaced(): boolean {
    return this.#unplaced
  }

  /**
   * Asks the primary how far its log is safe.
   * @returns the primary's error, if it would not say.
   * @throws BackendLost
   */
  async place(primary: Backend): Promise<Buffer | undefined> {
    let answer = await inject(primary, flushPosition)
    if (answer.row[1] === 'off') {
      await inject(primary, flushNow)
      answer = await inject(primary, flushPosition)
    }
    if (answer.row[0] == null) return answer.error
    this.#target = parseLsn(answer.row[0])
    this.#unplaced = false
    return undefined
  }

  /** Whether a read may go to the standby at once. */
  get visible(): boolean {
    return !this.#unplaced && this.#tracker.hasReplayed(this.#target)
  }

  /** Resolves when the standby shows all that was placed. @throws the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    return this.#tracker.wait(this.#target, signal)
  }
}

const flushPosition = "SELECT pg_current_wal_flush_lsn(), current_setting('synchronous_commit')"

/** With synchronous_commit = off the commit is not flushed yet; a synchronous one behind it flushes both. */
const flushNow =
  "BEGIN READ WRITE; SET LOCAL synchronous_commit = local; SELECT pg_logical_emit_message(true, 'forwarding-reader', ''); COMMIT"
