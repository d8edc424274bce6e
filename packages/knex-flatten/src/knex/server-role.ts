import type { Connection } from './internals.ts'

/** What a server is: a reader is in recovery, it replays what the writer has done. */
export type ServerRole = 'reader' | 'writer'

/** Milliseconds for which a reader is believed to be one still: it may be promoted, and its sessions live on. */
const BELIEVED_MS = 5_000

const readers = new WeakMap<Connection, number>()
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
    const { rows } = await connection.query('SELECT pg_is_in_recovery() AS reader')
    if (rows[0]?.['reader'] === true) {
      readers.set(connection, performance.now())
    } else {
      readers.delete(connection)
      writers.add(connection)
    }
  } catch {
    // What is wrong with it, whoever sends the next statement hears.
  }
}

/** Whether a server was asked so lately that it need not be asked again. */
export function isRoleFresh(connection: Connection): boolean {
  if (writers.has(connection)) return true
  const asked = readers.get(connection)
  return asked !== undefined && performance.now() - asked < BELIEVED_MS
}
