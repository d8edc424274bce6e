import type { DatabaseError } from 'pg'
import { EmulatorError } from '../emulator-error.ts'
import { openConnection, withConnection } from '../postgres/connect.ts'
import { standbyCatchesUp } from '../postgres/replication.ts'
import type { ServerPair } from '../servers.ts'

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * Creates a database, or takes one that is there already, and waits until the standby has it.
 *
 * @param from the database to copy, in which nobody may be; default `template1`, which is empty
 * @throws EmulatorError `EMULATOR_RESET` if somebody is in the database to copy, or PostgreSQL refuses the name
 */
export async function createDatabase(
  { primary, standby, database }: ServerPair,
  name: string,
  from: string = 'template1',
): Promise<void> {
  // The database that is copied must not be the one we ask from.
  const home = database === from ? 'template1' : database
  await withConnection(
    primary,
    async (client) => {
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
      if (rowCount) return
      try {
        await client.query(`CREATE DATABASE ${quoted(name)} TEMPLATE ${quoted(from)}`)
      } catch (error) {
        const { code, message, detail = '' } = error as DatabaseError
        if (code === undefined) throw error
        const advice = code === '55006' ? ` ${detail} End those connections first.` : ''
        throw new EmulatorError(
          'EMULATOR_RESET',
          `Database ${name} was not created from ${from}: ${message}.${advice}`,
          { cause: error },
        )
      }
    },
    home,
  )
  await standbyCatchesUp({ primary, standby, database: home })
  // Replayed and open to sessions are two things.
  await (await openConnection(standby, name)).end()
}

/** Ends its sessions on both servers, and drops it. */
export async function dropDatabase({ primary, standby, database }: ServerPair, name: string): Promise<void> {
  await withConnection(
    primary,
    (client) => client.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`),
    database,
  )
  await standbyCatchesUp({ primary, standby, database })
}
