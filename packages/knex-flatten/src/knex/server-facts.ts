import type { ServerFacts } from '../routing/server.ts'
import type { Connection } from './internals.ts'
import { raisedByServer } from './wire-errors.ts'

/** Only what everybody may ask. As seconds, since how a time is written depends on the session. */
const WHO =
  'SELECT pg_is_in_recovery() AS reader, extract(epoch FROM pg_postmaster_start_time())::text AS started, ' +
  "current_database() AS database, to_regproc('aurora_version') IS NOT NULL AS aurora"

const CLUSTER = 'SELECT system_identifier::text AS cluster FROM pg_control_system()'

/**
 * What the server behind a connection says of itself, past Knex's events; only outside of a transaction.
 *
 * Nobody has published what an Aurora cluster in a second Region calls itself: there only the database's name is known.
 *
 * @returns `undefined` where it refuses to say. @throws what breaks the connection
 */
export async function askServer(connection: Connection): Promise<ServerFacts | undefined> {
  const told = await ask(connection, WHO)
  if (!told) return undefined
  const { reader, started, database, aurora } = told
  return {
    host: hostOf(connection),
    inRecovery: reader === true,
    started: textOf(started),
    cluster: aurora === true ? undefined : textOf((await ask(connection, CLUSTER))?.['cluster']),
    database: textOf(database),
  }
}

/** Where a connection leads, as its pool was told. */
export function hostOf({ host, port }: Connection): string {
  return host === undefined ? 'an unknown host' : `${host}:${port}`
}

async function ask(
  connection: Connection,
  question: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const { rows } = await connection.query(question)
    return rows[0]
  } catch (error) {
    // Who may not ask is told so, and goes on.
    if (raisedByServer(error) && (error as { severity: string }).severity === 'ERROR') return undefined
    throw error
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
