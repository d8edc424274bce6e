import type { Knex } from 'knex'
import type { ConnectOptions, TestDatabase } from '../../../../test/setup/database.ts'

/** The port that a handle's statements run at, and whether that server is in recovery: `reader` and `writer` differ in both. */
export async function placeOf(on: Knex | Knex.Raw): Promise<'reader' | 'writer'> {
  const { rows } = await ('raw' in on ? on.raw(WHERE) : on)
  return (rows as { reader: boolean }[])[0]!.reader ? 'reader' : 'writer'
}

export const WHERE = 'select pg_is_in_recovery() as reader'

/** A plain instance on one of the test's servers. */
export function pool(
  database: TestDatabase,
  server: 'primary' | 'standby' | 'reader',
  config: ConnectOptions['config'] = {},
): Knex {
  const url = { primary: database.primaryUrl, standby: database.standbyUrl, reader: database.readerUrl }[
    server
  ]
  return database.connect({ url, config }).db
}
