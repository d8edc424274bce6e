import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import createKnex from 'knex'
import pg from 'pg'
import { afterAll, beforeAll, inject } from 'vitest'

/** A database of a test file's own, on the primary and soon after on the standby. */
export interface TestDatabase {
  /** URLs of this database on each endpoint. */
  readonly primaryUrl: string
  readonly standbyUrl: string
  readonly readerUrl: string
  /** Opens a Knex instance on it, closed after the file's tests. */
  readonly connect: (options?: ConnectOptions) => TestKnex
  /** The rows of a query, seen by a connection of its own on the primary. */
  readonly rows: (sql: string) => Promise<any[]>
}

export interface ConnectOptions {
  /** Where to; default the primary. */
  readonly url?: string
  /** The Knex to use; default the catalog's. */
  readonly knex?: typeof createKnex
  readonly config?: Partial<Knex.Config>
}

export interface TestKnex {
  readonly db: Knex
  /** What the server received on the connections of this instance since the last call, in order. */
  readonly received: () => Promise<string[]>
}

/** Creates a database before the tests of a file and drops it after them; every statement on it is logged by the server. */
export function useDatabase(prepare: (primary: pg.Client) => Promise<unknown>): TestDatabase {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const instances: Knex[] = []
  let own: pg.Client
  const at = (url: string): string => {
    const target = new URL(url)
    target.pathname = `/${name}`
    return target.href
  }

  beforeAll(async () => {
    const admin = new pg.Client(inject('primaryUrl'))
    await admin.connect()
    await admin.query(`create database ${name}`)
    await admin.query(`alter database ${name} set log_statement = 'all'`)
    await admin.end()
    own = new pg.Client(at(inject('primaryUrl')))
    await own.connect()
    await prepare(own)
    await standbyHasAll(own)
  })
  afterAll(async () => {
    await Promise.all(instances.map((db) => db.destroy()))
    await own.end()
    const admin = new pg.Client(inject('primaryUrl'))
    await admin.connect()
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  })

  return {
    get primaryUrl() {
      return at(inject('primaryUrl'))
    },
    get standbyUrl() {
      return at(inject('standbyUrl'))
    },
    get readerUrl() {
      return at(inject('readerUrl'))
    },
    connect({ url = at(inject('primaryUrl')), knex = createKnex, config } = {}) {
      const backends: number[] = []
      const db = knex({
        client: 'pg',
        connection: url,
        // Knex tells of each connection it throws away; tests lose some on purpose.
        log: { warn: () => undefined },
        ...config,
        pool: {
          min: 0,
          max: 5,
          ...config?.pool,
          afterCreate(connection: { processID: number }, done: () => void) {
            backends.push(connection.processID)
            done()
          },
        },
      })
      instances.push(db)
      const log = new ServerLog(() => own)
      return { db, received: () => log.since(backends) }
    },
    rows: async (sql) => (await own.query(sql)).rows,
  }
}

/** Resolves once the standby has replayed everything that the primary has committed by now. */
async function standbyHasAll(primary: pg.Client): Promise<void> {
  const { rows } = await primary.query('select pg_current_wal_flush_lsn() as lsn')
  const standby = new pg.Client(inject('standbyUrl'))
  await standby.connect()
  let replayed = false
  while (!replayed) {
    const answer = await standby.query('select pg_last_wal_replay_lsn() >= $1::pg_lsn as replayed', [
      rows[0].lsn,
    ])
    replayed = answer.rows[0].replayed
  }
  await standby.end()
}

/** Reads what the primary has logged of some backends' statements: seen by the server, not by the client. */
class ServerLog {
  readonly #connection: () => pg.Client
  #offset: number | undefined

  constructor(connection: () => pg.Client) {
    this.#connection = connection
  }

  async since(backends: readonly number[]): Promise<string[]> {
    const from = this.#offset ?? 0
    const { rows } = await this.#connection().query(
      `select pg_read_binary_file('server.log', $1, 1 << 28) as log`,
      [from],
    )
    const log = rows[0].log as Buffer
    this.#offset = from + log.length
    const statements: string[] = []
    for (const line of log.toString().split('\n')) {
      const match = /\[(\d+)\] \S+ LOG: {2}(?:statement|execute [^:]*): (.*)$/.exec(line)
      if (match && backends.includes(Number(match[1]))) statements.push(match[2]!)
    }
    return statements
  }
}
