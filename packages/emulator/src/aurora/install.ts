import { withConnection } from '../postgres/connect.ts'
import type { ServerAddress } from '../servers.ts'
import { auroraFunctions } from './functions.ts'
import { settingsView } from './settings-view.ts'

/**
 * Makes Aurora's functions and its rows of pg_settings in each of these databases; in `template1`, every database that is
 * created later has them too. Doing it again changes nothing.
 */
export async function installAurora(primary: ServerAddress, databases: readonly string[]): Promise<void> {
  const install = `BEGIN; ${auroraFunctions} ${settingsView} COMMIT`
  await Promise.all(
    databases.map((database) =>
      withConnection(
        primary,
        // A database may have been made read-only by default.
        (client) => client.query(`SET default_transaction_read_only = off; ${install}`),
        database,
      ),
    ),
  )
}
