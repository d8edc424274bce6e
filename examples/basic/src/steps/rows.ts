import createKnex from 'knex'

const TABLES = ['customers', 'orders', 'order_lines', 'points', 'audit'] as const

export type Counts = Readonly<Record<(typeof TABLES)[number], number>>

/** The rows of each table, counted on the server at `url` itself. */
export async function countRows(url: string): Promise<Counts> {
  const db = createKnex({ client: 'pg', connection: url })
  try {
    const counts = TABLES.map((table) => db(table).count('* as rows').as(table))
    const row = await db.select(counts).first()
    return Object.fromEntries(TABLES.map((table) => [table, Number(row[table])])) as unknown as Counts
  } finally {
    await db.destroy()
  }
}

/** Resolves once the standby has replayed what the primary has committed by now. */
export async function standbyCaughtUp(primaryUrl: string, standbyUrl: string): Promise<void> {
  const primary = createKnex({ client: 'pg', connection: primaryUrl })
  const standby = createKnex({ client: 'pg', connection: standbyUrl })
  try {
    const [{ lsn }] = (await primary.raw('select pg_current_wal_flush_lsn() as lsn')).rows
    for (;;) {
      const [{ there }] = (await standby.raw('select pg_last_wal_replay_lsn() >= ?::pg_lsn as there', [lsn]))
        .rows
      if (there) return
    }
  } finally {
    await Promise.all([primary.destroy(), standby.destroy()])
  }
}
