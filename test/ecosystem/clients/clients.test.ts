import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../../setup/database.ts'
import { clients } from './clients.ts'
import { scenario, table, type Client } from './scenario.ts'

describe.each(clients)('%s on a forwarding reader', (_name, open) => {
  const database = useDatabase((primary) => primary.query(table))
  let client: Client
  beforeAll(async () => {
    client = await open(database.readerUrl)
  })
  afterAll(() => client.close())

  it.each(scenario)('%s', async (_what, expected, run) => {
    expect(await run(client, async () => open(database.readerUrl))).toEqual(expected)
  })
})
