import { setTimeout as sleep } from 'node:timers/promises'
import type { EventMessages } from '../events/messages.ts'
import { publish } from '../events/publish.ts'
import { enterMode } from './consistency-mode.ts'
import type { Connection } from './internals.ts'
import { knownRole, readerSessionOf } from './server-role.ts'

/** What a reader is to show, and for how long it is waited for. */
export interface Awaited {
  /** Whose connection it is. */
  readonly db: object
  /** A position of the writer's log that a reader must have replayed; without it only one that forwards can tell. */
  readonly lsn: string | undefined
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * `shown`: the session shows all that was committed before the call. `behind`: it took too long; the connection may still be waiting, it must
 * not be used again. `no-way`: nobody can tell.
 */
export type CaughtUp = 'shown' | 'behind' | 'no-way'

type ReaderWait = EventMessages['knex-flatten:reader-wait']

/** A read of a table that every database has: nobody has published that one without any table would wait. */
const READ = 'SELECT 1 FROM pg_catalog.pg_class LIMIT 1'

/** Flushed is what a standby is sent; where a commit does not wait for that, what was written. */
const POSITION =
  "SELECT CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END AS lsn"

/** Milliseconds between two looks at what a standby has replayed. */
const LOOK_AGAIN_MS = 10

/**
 * Waits until the reader behind a connection shows what was committed anywhere before.
 *
 * One that forwards does so by itself in the mode `global`; an ordinary standby is asked for the position that it has replayed. On a writer there is
 * nothing to wait for.
 *
 * @throws the signal's reason
 */
export async function catchUp(connection: Connection, awaited: Awaited): Promise<CaughtUp> {
  awaited.signal?.throwIfAborted()
  if (knownRole(connection) !== 'reader') return 'shown'
  const { own, mode } = readerSessionOf(connection)!
  if (mode === 'global') return 'shown'
  if (own !== undefined) return watched(awaited.db, 'global', () => inTime(readGlobally(connection), awaited))
  return awaited.lsn === undefined
    ? 'no-way'
    : watched(awaited.db, 'lsn', () => hasReplayed(connection, awaited))
}

/** Where the writer's log is now, behind all that was committed through a connection before; `undefined` where it cannot say. */
export async function positionOf(connection: Connection): Promise<string | undefined> {
  if (connection.__knex__disposed) return undefined
  try {
    const { rows } = await connection.query(POSITION)
    return rows[0]!['lsn'] as string
  } catch {
    // Not every PostgreSQL lets its users see that.
    return undefined
  }
}

/** Tells how long it took. */
async function watched(
  db: object,
  way: ReaderWait['way'],
  wait: () => Promise<'shown' | 'behind'>,
): Promise<'shown' | 'behind'> {
  const began = performance.now()
  let outcome: ReaderWait['outcome'] = 'aborted'
  try {
    const caughtUp = await wait()
    outcome = caughtUp === 'shown' ? 'shown' : 'timed-out'
    return caughtUp
  } finally {
    publish('knex-flatten:reader-wait', () => ({ db, waitedMs: performance.now() - began, outcome, way }))
  }
}

async function readGlobally(connection: Connection): Promise<'shown'> {
  const { mode } = readerSessionOf(connection)!
  await enterMode(connection, 'global')
  await connection.query(READ)
  await enterMode(connection, mode)
  return 'shown'
}

async function hasReplayed(
  connection: Connection,
  { lsn, timeoutMs, signal }: Awaited,
): Promise<'shown' | 'behind'> {
  const until = performance.now() + timeoutMs
  for (;;) {
    const { rows } = await connection.query(
      `SELECT coalesce(pg_last_wal_replay_lsn() >= '${lsn!}'::pg_lsn, true) AS shown`,
    )
    if (rows[0]!['shown'] === true) return 'shown'
    if (performance.now() >= until) return 'behind'
    await sleep(LOOK_AGAIN_MS, undefined, signal && { signal }).catch(() => signal?.throwIfAborted())
  }
}

async function inTime(shown: Promise<'shown'>, { timeoutMs, signal }: Awaited): Promise<'shown' | 'behind'> {
  const over = new AbortController()
  const tooLong = sleep(timeoutMs, 'behind' as const, {
    signal: signal ? AbortSignal.any([over.signal, signal]) : over.signal,
  })
  // Whoever has won has said all there is to say.
  tooLong.catch(() => undefined)
  shown.catch(() => undefined)
  try {
    return await Promise.race([shown, tooLong])
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    over.abort()
  }
}
