import { Client } from 'pg'
import type { ServerAddress } from '../servers.ts'
import { database, superuser } from './cluster.ts'

/** Runs `work` on a connection of its own to one server. */
export async function withConnection<T>(
  server: ServerAddress,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    host: server.host,
    port: server.port,
    user: superuser,
    database,
    // Said explicitly, because pg would otherwise take it from PGPASSWORD, PGSSLMODE and the like.
    password: '',
    ssl: false,
    application_name: 'forwarding-reader',
  })
  // A connection that breaks also fails the query that waits on it.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
