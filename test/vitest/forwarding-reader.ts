import { forwardingReader, type GlobalSetup } from '@knex-flatten/emulator/vitest'
import pg from 'pg'

const setup: GlobalSetup = forwardingReader({
  prepare: async ({ primaryUrl }) => {
    const client = new pg.Client(primaryUrl)
    await client.connect()
    await client.query(
      `CREATE TABLE account (id int PRIMARY KEY, cents int NOT NULL); INSERT INTO account VALUES (1, 500)`,
    )
    await client.end()
  },
})
export default setup
