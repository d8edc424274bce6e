import pg from 'pg'

/** A savepoint opened, kept or undone, as PostgreSQL logs it. */
const SAVEPOINT = /(?:statement|execute [^:]*): *(?:savepoint|release|rollback to)\b/i

/** The savepoint statements that a server has received so far in the URL's database: its own log is asked, not the client. */
export async function savepointsReceived(serverUrl: string): Promise<string[]> {
  const client = new pg.Client(serverUrl)
  await client.connect()
  const { rows } = await client.query(`select pg_read_file('server.log') as log`)
  await client.end()
  const database = ` ${new URL(serverUrl).pathname.slice(1)} `
  return (rows[0].log as string).split('\n').filter((line) => line.includes(database) && SAVEPOINT.test(line))
}
