import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import type { ServerAddress } from '../servers.ts'
import { withConnection } from './connect.ts'

interface Pair {
  readonly primary: ServerAddress
  readonly standby: ServerAddress
  /** Where to log in; by default that of our own servers. */
  readonly database?: string
}

/**
 * Writes a row on the primary and waits until the standby shows it. The row is the comment on the database, so nothing is
 * left in it for a user to trip over.
 *
 * @returns false if that did not happen in time
 */
export function rowArrives({ primary, standby }: Pair, timeoutMs: number): Promise<boolean> {
  const mark = `forwarding-reader ${process.pid} ${Date.now()}`
  return withConnection(primary, async (writer) => {
    const { rows } = await writer.query<{ sql: string }>(
      `SELECT format('COMMENT ON DATABASE %I IS %L', current_database(), $1::text) AS sql`,
      [mark],
    )
    await writer.query(rows[0]!.sql)
    return withConnection(standby, async (reader) => {
      for (const until = Date.now() + timeoutMs; Date.now() < until;) {
        const { rows } = await reader.query<{ comment: string | null }>(
          `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = current_database()`,
        )
        if (rows[0]?.comment === mark) return true
        await delay(5)
      }
      return false
    })
  })
}

/** Waits until the standby has replayed everything that the primary has committed until now. */
export async function standbyCatchesUp(pair: Pair): Promise<void> {
  await reaches(pair, 'pg_last_wal_replay_lsn()', Infinity)
}

/**
 * Waits until the standby has received everything that the primary has committed until now; it may be told to replay later.
 *
 * @returns false if that did not happen in time
 */
export function received(pair: Pair, timeoutMs: number): Promise<boolean> {
  return reaches(pair, 'greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())', timeoutMs)
}

async function reaches(
  { primary, standby, database }: Pair,
  how: string,
  timeoutMs: number,
): Promise<boolean> {
  const ask = async (writer: Client) => {
    const { rows } = await writer.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn() AS lsn')
    return rows[0]!.lsn
  }
  const lsn = await withConnection(primary, ask, database)
  const follow = async (reader: Client) => {
    for (const until = Date.now() + timeoutMs; Date.now() < until;) {
      const { rows } = await reader.query<{ done: boolean }>(`SELECT ${how} >= $1::pg_lsn AS done`, [lsn])
      if (rows[0]!.done) return true
      await delay(5)
    }
    return false
  }
  return withConnection(standby, follow, database)
}
