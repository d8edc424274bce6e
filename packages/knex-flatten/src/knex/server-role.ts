import type { Connection } from './internals.ts'

/** What a server is: a reader is in recovery, it replays what the writer has done. */
export type ServerRole = 'reader' | 'writer'

/** Milliseconds for which a reader is believed to be one still: it may be promoted, and its sessions live on. */
const BELIEVED_MS = 5_000

const MODE = 'apg_write_forward.consistency_mode'

/** Any PostgreSQL takes a parameter of such a name; only where forwarding exists it is an enum. */
const QUESTION = `SELECT pg_is_in_recovery() AS reader, CASE WHEN current_setting('${MODE}', true) IS NOT NULL THEN (SELECT setting FROM pg_catalog.pg_settings WHERE name = '${MODE}' AND vartype = 'enum') END AS mode`

interface Reader {
  readonly askedAt: number
  readonly forwards: boolean
}

const readers = new WeakMap<Connection, Reader>()
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
 */
export async function learnRole(connection: Connection): Promise<void> {
  try {
    const { rows } = await connection.query(QUESTION)
    const { reader, mode } = rows[0] ?? {}
    if (reader === true) {
      readers.set(connection, {
        askedAt: performance.now(),
        forwards: typeof mode === 'string' && mode !== 'off',
      })
    } else {
      readers.delete(connection)
      writers.add(connection)
    }
  } catch {
    // What is wrong with it, whoever sends the next statement hears.
  }
}

/** Whether what is written on a connection reaches the writer: of a writer it does, of a reader where forwarding is on. */
export function takesWrites(connection: Connection): boolean {
  return readers.get(connection)?.forwards ?? true
}

/** Whether a server was asked so lately that it need not be asked again. */
export function isRoleFresh(connection: Connection): boolean {
  if (writers.has(connection)) return true
  const reader = readers.get(connection)
  return reader !== undefined && performance.now() - reader.askedAt < BELIEVED_MS
}
