import type { ConnectionOptions } from 'node:tls'
import { Client } from 'pg'
import { certificateRules } from '../server-tls.ts'
import type { ServerAddress } from '../servers.ts'
import { database as ownDatabase, superuser } from './cluster.ts'

const connectTimeoutMs = 10_000

/** Runs `work` on a connection of its own to one server, in `database`; by default that of our own servers. */
export async function withConnection<T>(
  server: ServerAddress,
  work: (client: Client) => Promise<T>,
  database: string = ownDatabase,
): Promise<T> {
  const client = await openConnection(server, database)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Opens a connection that the caller ends. */
export async function openConnection(server: ServerAddress, database: string): Promise<Client> {
  try {
    return await connected(server, database, server.tls !== undefined && certificateRules(server.tls))
  } catch (error) {
    const unencrypted = server.tls?.mode === 'prefer' && /does not support SSL/.test((error as Error).message)
    if (!unencrypted) throw error
    return connected(server, database, false)
  }
}

async function connected(
  server: ServerAddress,
  database: string,
  ssl: ConnectionOptions | false,
): Promise<Client> {
  const client = new Client({
    host: server.host,
    port: server.port,
    user: server.user ?? superuser,
    database,
    // Said explicitly, because pg would otherwise take it from PGPASSWORD, PGSSLMODE and the like.
    password: server.password ?? '',
    ssl,
    application_name: 'forwarding-reader',
    connectionTimeoutMillis: connectTimeoutMs,
  })
  // A connection that breaks also fails the query that waits on it.
  client.on('error', () => undefined)
  await client.connect()
  return client
}
