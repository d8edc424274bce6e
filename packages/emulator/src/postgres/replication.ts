import { setTimeout as delay } from 'node:timers/promises'
import type { ServerAddress } from '../servers.ts'
import { withConnection } from './connect.ts'

interface Pair {
  readonly primary: ServerAddress
  readonly standby: ServerAddress
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
export async function standbyCatchesUp({ primary, standby }: Pair): Promise<void> {
  const lsn = await withConnection(primary, async (writer) => {
    const { rows } = await writer.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn() AS lsn')
    return rows[0]!.lsn
  })
  await withConnection(standby, async (reader) => {
    for (;;) {
      const { rows } = await reader.query<{ done: boolean }>(
        'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done',
        [lsn],
      )
      if (rows[0]!.done) return
      await delay(5)
    }
  })
}
