import { setTimeout as delay } from 'node:timers/promises'
import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import { parseLsn } from './lsn.ts'

interface Waiter {
  readonly target: bigint
  readonly resolve: () => void
}

const shortestPauseMs = 1
const longestPauseMs = 10
const idleMs = 5000

/**
 * Knows how far the standby has replayed. One session on the standby asks for all who wait, and only while somebody does.
 */
export class ReplayTracker {
  #open: () => Promise<Backend>
  #connection: Backend | undefined
  #replayed = 0n
  #serverStart = ''
  #waiters = new Set<Waiter>()
  #polling = false
  #stopped = false
  #idle: NodeJS.Timeout | undefined

  /** @param open opens a session on the standby. */
  constructor(open: () => Promise<Backend>) {
    this.#open = open
  }

  /**
   * Whether the standby is known to have replayed that far; asks nobody.
   *
   * @param serverStart of the standby that is meant: one that starts again has to replay again what it had replayed
   */
  hasReplayed(target: bigint, serverStart: string): boolean {
    return target === 0n || (target <= this.#replayed && serverStart === this.#serverStart)
  }

  /** Resolves once the standby has replayed that far. @throws the signal's reason. */
  wait(target: bigint, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiters.delete(waiter)
        reject(signal.reason as Error)
      }
      const waiter = {
        target,
        resolve: () => {
          signal.removeEventListener('abort', giveUp)
          resolve()
        },
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiters.add(waiter)
      if (!this.#polling) void this.#poll()
    })
  }

  /** Another server has become the standby, or it was started again. */
  reconnect(): void {
    this.#connection?.end()
    this.#connection = undefined
  }

  stop(): void {
    this.#stopped = true
    this.#close()
  }

  async #poll(): Promise<void> {
    this.#polling = true
    clearTimeout(this.#idle)
    let pauseMs = shortestPauseMs
    while (this.#waiters.size > 0 && !this.#stopped) {
      const before = this.#replayed
      await this.#ask()
      for (const waiter of this.#waiters) {
        if (waiter.target > this.#replayed) continue
        this.#waiters.delete(waiter)
        waiter.resolve()
      }
      if (this.#waiters.size === 0) break
      pauseMs = this.#replayed > before ? shortestPauseMs : Math.min(pauseMs * 2, longestPauseMs)
      await delay(pauseMs)
    }
    this.#polling = false
    if (this.#stopped) this.#close()
    else this.#idle = setTimeout(() => this.#close(), idleMs).unref()
  }

  async #ask(): Promise<void> {
    try {
      this.#connection ??= await this.#open()
      const { row } = await inject(
        this.#connection,
        'SELECT pg_last_wal_replay_lsn(), pg_postmaster_start_time()',
      )
      if (row[0] == null || row[1] == null) return
      this.#replayed = parseLsn(row[0])
      this.#serverStart = row[1]
    } catch {
      // The standby is restarting, or the database was dropped: ask again, on another session.
      this.#connection?.end()
      this.#connection = undefined
    }
  }

  #close(): void {
    clearTimeout(this.#idle)
    this.#connection?.end()
    this.#connection = undefined
  }
}
