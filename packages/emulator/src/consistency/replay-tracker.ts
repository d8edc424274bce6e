import { setTimeout as delay } from 'node:timers/promises'
import type { Backend } from '../backend/backend.ts'
import { inject, type Injected } from '../backend/inject.ts'
import { parseLsn } from './lsn.ts'

interface Waiter {
  readonly target: bigint
  /** Of the session that waits, on the standby. */
  readonly pid: number
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}

/** Differs after each start of a server, and is the same in every session, whatever its time zone and its way to write dates. */
export const startOfServer = 'extract(epoch FROM pg_catalog.pg_postmaster_start_time())'

/** The standby cannot go on before the session that waits for it ends its transaction. */
export class WaitsForItself extends Error {
  override readonly name = 'WaitsForItself'
}

const shortestPauseMs = 1
const longestPauseMs = 10
const idleMs = 5000
/** PostgreSQL too looks for a deadlock only after a second. */
const stuckMs = 1000
/** A standby's own sessions cannot have such a lock, nor wait for one: it is what is replayed that waits. */
const inTheWay = `SELECT holder.pid FROM pg_catalog.pg_locks waiting JOIN pg_catalog.pg_locks holder USING (locktype, database, relation)
  WHERE NOT waiting.granted AND waiting.mode = 'AccessExclusiveLock' AND holder.granted AND holder.pid <> waiting.pid`

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

  /**
   * Resolves once the standby has replayed that far.
   *
   * @param pid of the session that waits, on the standby
   * @throws WaitsForItself if that session's own locks keep the standby from it; the signal's reason.
   */
  wait(target: bigint, pid: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiters.delete(waiter)
        reject(signal.reason as Error)
      }
      const waiter = {
        target,
        pid,
        resolve: () => {
          signal.removeEventListener('abort', giveUp)
          resolve()
        },
        reject: (reason: Error) => {
          signal.removeEventListener('abort', giveUp)
          reject(reason)
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
    let movedAt = performance.now()
    while (this.#waiters.size > 0 && !this.#stopped) {
      const before = this.#replayed
      await this.#ask()
      for (const waiter of this.#waiters) {
        if (waiter.target > this.#replayed) continue
        this.#waiters.delete(waiter)
        waiter.resolve()
      }
      if (this.#waiters.size === 0) break
      const now = performance.now()
      if (this.#replayed > before) movedAt = now
      else if (now - movedAt > stuckMs) {
        await this.#endWaitsForThemselves()
        movedAt = now
      }
      pauseMs = this.#replayed > before ? shortestPauseMs : Math.min(pauseMs * 2, longestPauseMs)
      await delay(pauseMs)
    }
    this.#polling = false
    if (this.#stopped) this.#close()
    else this.#idle = setTimeout(() => this.#close(), idleMs).unref()
  }

  async #ask(): Promise<void> {
    const rows = await this.#query(`SELECT pg_last_wal_replay_lsn(), ${startOfServer}`)
    const [replayed, serverStart] = rows[0] ?? []
    if (replayed == null || serverStart == null) return
    this.#replayed = parseLsn(replayed)
    this.#serverStart = serverStart
  }

  async #endWaitsForThemselves(): Promise<void> {
    const pids = new Set((await this.#query(inTheWay)).map(([pid]) => Number(pid)))
    for (const waiter of this.#waiters) {
      if (!pids.has(waiter.pid)) continue
      this.#waiters.delete(waiter)
      waiter.reject(new WaitsForItself())
    }
  }

  async #query(sql: string): Promise<Injected['rows']> {
    try {
      this.#connection ??= await this.#open()
      return (await inject(this.#connection, sql)).rows
    } catch {
      // The standby is restarting, or the database was dropped: ask again, on another session.
      this.#connection?.end()
      this.#connection = undefined
      return []
    }
  }

  #close(): void {
    clearTimeout(this.#idle)
    this.#connection?.end()
    this.#connection = undefined
  }
}
