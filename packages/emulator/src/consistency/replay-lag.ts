import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { EmulatorError } from '../emulator-error.ts'
import { withConnection } from '../postgres/connect.ts'
import { standbyCatchesUp } from '../postgres/replication.ts'
import type { ServerPair } from '../servers.ts'

/** How far the standby is behind, as a test wants it. Every change is in force when its promise resolves. */
export class ReplayLag {
  readonly #servers: ServerPair
  /** Milliseconds. */
  #behind = 0
  #paused = false
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(servers: ServerPair) {
    this.#servers = servers
    servers.control?.onStandbyReady(() => this.#reapply())
  }

  /** What was asked of it last. */
  get asked(): { readonly ms: number; readonly paused: boolean } {
    return { ms: this.#behind, paused: this.#paused }
  }

  /** Shows each commit no earlier than this many milliseconds after it was made on the primary; 0: at once. */
  set(ms: number): Promise<void> {
    return this.#inTurn(async (standby) => {
      await delayReplay(standby, ms)
      this.#behind = ms
    })
  }

  /** Shows nothing new from now on. */
  pause(): Promise<void> {
    return this.#inTurn(async (standby) => {
      await pauseReplay(standby, this.#behind)
      this.#paused = true
    })
  }

  /** Goes on after {@link pause}; without one it changes nothing. */
  resume(): Promise<void> {
    return this.#inTurn(async (standby) => {
      await standby.query('SELECT pg_wal_replay_resume()')
      this.#paused = false
    })
  }

  /** Ends what was asked of it until now, and asks nothing of a standby of which nothing was asked. */
  async end(): Promise<void> {
    await this.#turn
    if (this.#paused) await this.resume()
    if (this.#behind > 0) await this.set(0)
  }

  /**
   * Resolves when the standby shows all that the primary has committed by now.
   *
   * @throws EmulatorError `EMULATOR_LAG` while replay is paused: it would never resolve
   */
  async caughtUp(): Promise<void> {
    await this.#turn
    if (this.#paused) {
      throw new EmulatorError(
        'EMULATOR_LAG',
        'The standby cannot catch up while its replay is paused. Call lag.resume() first.',
      )
    }
    await standbyCatchesUp(this.#servers)
  }

  /** Leaves servers that go on without us as they were. */
  async release(): Promise<void> {
    if (this.#paused) await this.resume()
    if (this.#behind === 0) return
    await this.#inTurn(async (standby) => {
      await standby.query('ALTER SYSTEM RESET recovery_min_apply_delay')
      await standby.query('SELECT pg_reload_conf()')
      this.#behind = 0
    })
  }

  /** A standby that was started again, or was another server before, knows nothing of all this. */
  #reapply(): Promise<void> {
    return this.#inTurn(async (standby) => {
      await delayReplay(standby, this.#behind)
      if (this.#paused) await pauseReplay(standby, this.#behind)
    })
  }

  #inTurn(change: (standby: Client) => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => {
      const { standby, database } = this.#servers
      return withConnection(standby, change, database).catch((error: unknown) => {
        throw notAllowed(error) ?? error
      })
    })
    this.#turn = done.catch(() => undefined)
    return done
  }
}

/** Servers that were attached may have let in somebody who may not hold them back: 42501, insufficient_privilege. */
function notAllowed(error: unknown): EmulatorError | undefined {
  if ((error as { code?: string }).code !== '42501') return undefined
  return new EmulatorError(
    'EMULATOR_LAG',
    `The standby does not let this user hold it back: ${(error as Error).message}. Name a superuser in its URL.`,
    { cause: error },
  )
}

/** PostgreSQL delays the replay of commits only, counted from the primary's own time of the commit. */
async function delayReplay(standby: Client, ms: number): Promise<void> {
  const { rows } = await standby.query<{ ms: string }>(
    "SELECT setting AS ms FROM pg_settings WHERE name = 'recovery_min_apply_delay'",
  )
  if (Number(rows[0]!.ms) === ms) return
  await standby.query(`ALTER SYSTEM SET recovery_min_apply_delay = ${ms}`)
  await standby.query('SELECT pg_reload_conf()')
  // The postmaster tells all its processes at once, the one that replays among them.
  await until(
    standby,
    `SELECT setting::bigint = ${ms} AS done FROM pg_settings WHERE name = 'recovery_min_apply_delay'`,
  )
}

/** A commit that waits out its delay is held back, not shown: replay looks for a pause once more before it goes on. */
async function pauseReplay(standby: Client, behindMs: number): Promise<void> {
  await standby.query('SELECT pg_wal_replay_pause()')
  if (behindMs > 0) await delayReplay(standby, 0)
  await until(standby, await pausedQuery(standby))
  if (behindMs > 0) await delayReplay(standby, behindMs)
}

/** PostgreSQL 13 only knows that a pause was asked for. */
async function pausedQuery(standby: Client): Promise<string> {
  const { rows } = await standby.query<{ major: number }>(
    "SELECT current_setting('server_version_num')::int / 10000 AS major",
  )
  return rows[0]!.major >= 14
    ? "SELECT pg_get_wal_replay_pause_state() = 'paused' AS done"
    : 'SELECT pg_is_wal_replay_paused() AS done'
}

async function until(standby: Client, query: string): Promise<void> {
  for (;;) {
    const { rows } = await standby.query<{ done: boolean }>(query)
    if (rows[0]!.done) return
    await delay(2)
  }
}
