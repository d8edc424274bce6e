import { publish } from '../events/publish.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { Connection } from './internals.ts'

/** What a server is: a reader is in recovery, it replays what the writer has done. */
export type ServerRole = 'reader' | 'writer'

/** What a server must do: `'any'` of them reads, `'writes'` reach the writer from it, or it is the `'writer'`. */
export type Need = 'any' | 'writes' | 'writer'

/** The parameter by which a session of a forwarding reader says what its reads wait for. */
export const MODE = 'apg_write_forward.consistency_mode'

/** Milliseconds for which a reader is believed to be one still: it may be promoted, and its sessions live on. */
const BELIEVED_MS = 5_000

/** Any PostgreSQL takes a parameter of such a name; only where forwarding exists it is an enum. */
const QUESTION = `SELECT pg_is_in_recovery() AS reader, CASE WHEN current_setting('${MODE}', true) IS NOT NULL THEN (SELECT setting FROM pg_catalog.pg_settings WHERE name = '${MODE}' AND vartype = 'enum') END AS mode`

/** A session of a reader. */
interface ReaderSession {
  readonly askedAt: number
  /** What its mode was when it was opened; `undefined` where the server has no forwarding. */
  readonly own: ConsistencyMode | undefined
  readonly mode: ConsistencyMode | undefined
}

const readers = new WeakMap<Connection, ReaderSession>()
const writers = new WeakSet<Connection>()

/** What the server behind a connection is, as far as it was asked. */
export function knownRole(connection: Connection): ServerRole | undefined {
  if (writers.has(connection)) return 'writer'
  return readers.has(connection) ? 'reader' : undefined
}

/**
 * Asks the server behind a connection whether it is a reader, past Knex's events, unless it was asked lately. A writer that becomes a reader
 * closes its sessions: once is enough there.
 *
 * Only outside of a transaction: a reader may have one answered by the writer, once it has written. A server that does not
 * answer will say so to the next statement.
 *
 * @param anew - also where it was asked lately.
 */
export async function learnRole(connection: Connection, anew = false): Promise<void> {
  if (!anew && isRoleFresh(connection)) return
  try {
    const { rows } = await connection.query(QUESTION)
    const { reader, mode: told } = rows[0] ?? {}
    if (reader === true) {
      const mode = typeof told === 'string' ? (told as ConsistencyMode) : undefined
      const own = readers.has(connection) ? readers.get(connection)!.own : mode
      readers.set(connection, { askedAt: performance.now(), own, mode })
    } else {
      if (readers.delete(connection)) {
        publish('knex-flatten:promotion', () => ({ server: `${connection.host}:${connection.port}` }))
      }
      writers.add(connection)
    }
  } catch {
    // What is wrong with it, whoever sends the next statement hears.
  }
}

/** What is known of the server behind a connection may be true no more: it is asked again before the connection is used next. */
export function doubtRole(connection: Connection): void {
  writers.delete(connection)
  const reader = readers.get(connection)
  if (reader) readers.set(connection, { ...reader, askedAt: Number.NEGATIVE_INFINITY })
}

/** Whether a server was asked so lately that it need not be asked again. */
export function isRoleFresh(connection: Connection): boolean {
  if (writers.has(connection)) return true
  const reader = readers.get(connection)
  return reader !== undefined && performance.now() - reader.askedAt < BELIEVED_MS
}

/** Whether what is written on a connection reaches the writer: of a writer it does, of a reader where forwarding is on. */
function takesWrites(connection: Connection): boolean {
  const reader = readers.get(connection)
  return reader === undefined || (reader.mode !== undefined && reader.mode !== 'off')
}

/** Whether the server behind a connection does what it must, as far as is known. */
export function meets(connection: Connection, need: Need): boolean {
  return need === 'any' || (need === 'writes' ? takesWrites(connection) : !readers.has(connection))
}

/** The session behind a connection, where it is a reader's. */
export function readerSessionOf(connection: Connection): Readonly<ReaderSession> | undefined {
  return readers.get(connection)
}

/** It was told to be in another mode. */
export function noteMode(connection: Connection, mode: ConsistencyMode): void {
  const reader = readers.get(connection)
  if (reader) readers.set(connection, { ...reader, mode })
}
