import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../../setup/database.ts'
import type { Client } from './client.ts'
import { clients } from './clients.ts'
import { expected, perform } from './perform.ts'
import { bench, program, scriptsOf } from './pgbench.ts'
import { scenario, table } from './scenario.ts'

for (const [name, open] of clients) {
  describe.skipIf(open === undefined)(`${name} on a forwarding reader`, () => {
    const database = useDatabase((primary) => primary.query(table))
    const another = async () => open!(database.readerUrl)
    let client: Client
    beforeAll(async () => {
      client = await another()
    })
    afterAll(() => client.close())

    it.each(scenario)('%s', async (_what, operations) => {
      const seen: unknown[] = []
      for (const operation of operations) seen.push(await perform(client, operation, another))
      expect(seen).toEqual(operations.map(expected))
    })
  })
}

describe.skipIf(program === undefined).each(['simple', 'extended', 'prepared'])(
  'pgbench on a forwarding reader, %s protocol',
  (protocol) => {
    const database = useDatabase((primary) => primary.query(table))

    it.each(scenario)('%s', async (_what, operations) => {
      for (const script of scriptsOf(operations)) {
        const { sessions, fails } = script
        expect(await bench(protocol, database.readerUrl, script)).toEqual({
          code: fails ? 2 : 0,
          said: expect.stringContaining(
            fails?.message ?? `number of transactions actually processed: ${sessions}/${sessions}`,
          ),
        })
      }
    })
  },
)
