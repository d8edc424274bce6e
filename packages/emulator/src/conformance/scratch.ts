import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { EmulatorError } from '../emulator-error.ts'

/** The two ends that a case needs. */
export interface Ends {
  readonly readerUrl: string
  readonly writerUrl: string
}

const visibleWithinMs = 30_000

/** Connects to one of the ends. @throws EmulatorError `EMULATOR_REPLAY` if that does not work */
export async function connectTo(ends: Ends, end: 'reader' | 'writer'): Promise<pg.Client> {
  const url = end === 'reader' ? ends.readerUrl : ends.writerUrl
  try {
    // No answer to any one statement is waited for longer than this.
    const client = new pg.Client({
      connectionString: url,
      query_timeout: 60_000,
      connectionTimeoutMillis: 30_000,
    })
    // What a lost connection means is told by the query that it fails.
    client.on('error', () => undefined)
    await client.connect()
    return client
  } catch (error) {
    throw new EmulatorError('EMULATOR_REPLAY', `The ${end} cannot be reached: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** @throws EmulatorError `EMULATOR_REPLAY` unless the session is on what its URL was given for */
export async function checkEnd(client: pg.Client, end: 'reader' | 'writer'): Promise<void> {
  const { rows } = await client.query<{ recovers: boolean }>('SELECT pg_is_in_recovery() AS recovers')
  if (rows[0]?.recovers === (end === 'reader')) return
  throw new EmulatorError(
    'EMULATOR_REPLAY',
    end === 'reader'
      ? 'The URL of the reader leads to a server that is not in recovery: a writer, which has nothing to forward.'
      : 'The URL of the writer leads to a server in recovery: a reader, on which nothing can be set up.',
  )
}

/** A schema of a case's own on the writer, which the reader shows; gone with {@link Scratch.drop}. */
export class Scratch {
  readonly schema = `forwarding_conformance_${randomBytes(6).toString('hex')}`
  #reader: pg.Client
  #writer: pg.Client

  /** @param reader looks whether the reader shows it already, and does nothing else */
  constructor(reader: pg.Client, writer: pg.Client) {
    this.#reader = reader
    this.#writer = writer
  }

  /** @throws EmulatorError `EMULATOR_REPLAY` if the reader does not show it in time */
  async make(setup: readonly string[]): Promise<void> {
    const { schema } = this
    const statements = [
      `CREATE SCHEMA ${schema}`,
      `CREATE TABLE ${schema}.item (id int PRIMARY KEY, name text)`,
      `INSERT INTO ${schema}.item VALUES (1, 'one')`,
      ...setup.map((sql) => this.fill(sql)),
      `CREATE TABLE ${schema}.complete ()`,
    ]
    for (const sql of statements) await this.#writer.query(sql)
    const until = Date.now() + visibleWithinMs
    for (;;) {
      const { rows } = await this.#reader.query<{ there: boolean }>(
        'SELECT to_regclass($1) IS NOT NULL AS there',
        [`${schema}.complete`],
      )
      if (rows[0]?.there) return
      if (Date.now() > until) {
        throw new EmulatorError(
          'EMULATOR_REPLAY',
          `The reader does not show within ${visibleWithinMs / 1000} s what was created on the writer. Do both belong to one cluster?`,
        )
      }
      await delay(5)
    }
  }

  fill(sql: string): string {
    return sql.replaceAll('{schema}', this.schema)
  }

  async drop(): Promise<void> {
    await this.#writer.query(`DROP SCHEMA IF EXISTS ${this.schema} CASCADE`)
  }
}
