import { setTimeout as delay } from 'node:timers/promises'
import type { ForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import pg from 'pg'

/** By which the servers tell the sessions of the instance from others. */
const APPLICATION = 'soak'

/** How long a session that was given up may take to be gone. */
const PATIENCE_MS = 30_000

export const POOL_SIZE = 10

/** A pool whose talk about lost connections is counted, not shown. */
export function pool(url: string, warned: () => void): Knex {
  return createKnex({
    client: 'pg',
    connection: { connectionString: url, application_name: APPLICATION },
    pool: { min: 0, max: POOL_SIZE },
    log: { warn: warned },
  })
}

/** The servers themselves, past the instance. */
export class Servers {
  readonly #reader: ForwardingReader

  constructor(reader: ForwardingReader) {
    this.#reader = reader
  }

  async onPrimary(sql: string, values: readonly unknown[] = []): Promise<any[]> {
    return ask(this.#reader.primaryUrl, sql, values)
  }

  /** How many rows the primary has of each write with these ids. */
  async stored(ids: readonly number[]): Promise<Map<number, number>> {
    const sql = 'select id, count(*)::int as rows from writes where id = any($1) group by id'
    const rows: { id: number; rows: number }[] = await this.onPrimary(sql, [ids])
    return new Map(rows.map(({ id, rows }) => [id, rows]))
  }

  /** The instance's sessions on both servers by role and state, once they are `fine`, or as they still are when patience is over. */
  async sessions(fine: (sessions: readonly Session[]) => boolean): Promise<readonly Session[]> {
    const sql = 'select state, query from pg_stat_activity where application_name = $1'
    for (const until = Date.now() + PATIENCE_MS; ;) {
      const [primary, standby] = await Promise.all(
        [this.#reader.primaryUrl, this.#reader.standbyUrl].map((url) => ask(url, sql, [APPLICATION])),
      )
      const found: Session[] = [
        ...primary!.map((session) => ({ server: 'primary', ...session })),
        ...standby!.map((session) => ({ server: 'standby', ...session })),
      ]
      if (fine(found) || Date.now() > until) return found
      await delay(100)
    }
  }
}

export interface Session {
  readonly server: 'primary' | 'standby'
  readonly state: string
  /** The last it was asked. */
  readonly query: string
}

async function ask(url: string, sql: string, values: readonly unknown[]): Promise<any[]> {
  const client = new pg.Client(url)
  // Its end is told by the query that meets it.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql, [...values])).rows
  } finally {
    await client.end()
  }
}
