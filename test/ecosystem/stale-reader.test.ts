import { startForwardingReader } from '@knex-flatten/emulator'
import createKnex from 'knex'
import { flatten, getOrCreate } from 'knex-flatten'
import { expect, it } from 'vitest'

it("finds the winner's row while the reader does not show it yet", async () => {
  const reader = await startForwardingReader({ consistency: 'eventual' })
  const open = (connection: string) =>
    flatten(createKnex({ client: 'pg', connection, pool: { min: 0, max: 4 } }))
  const [primary, db] = [open(reader.primaryUrl), open(reader.readerUrl)]
  try {
    await primary.raw('create table wallets (owner text primary key, balance int)')
    await reader.lag.caughtUp()
    await reader.lag.pause()
    await primary('wallets').insert({ owner: 'winner', balance: 7 })
    for (const strategy of ['on-conflict', 'lock'] as const) {
      expect(await getOrCreate(db, 'wallets', { owner: 'winner' }, { balance: 1 }, { strategy })).toEqual({
        row: { owner: 'winner', balance: 7 },
        created: false,
      })
    }
    expect(await db('wallets')).toEqual([])
  } finally {
    await reader.lag.resume()
    await Promise.all([primary.destroy(), db.destroy()])
    await reader.stop()
  }
})
