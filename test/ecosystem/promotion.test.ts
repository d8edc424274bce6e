import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { startForwardingReader } from '@knex-flatten/emulator'
import createKnex from 'knex'
import { flatten } from 'knex-flatten'
import { expect, it, onTestFinished } from 'vitest'

it('a reader that has become a writer is told of', async () => {
  const servers = await startForwardingReader()
  const db = flatten(createKnex({ client: 'pg', connection: servers.standbyUrl, pool: { min: 1, max: 1 } }))
  onTestFinished(async () => {
    await db.destroy()
    await servers.stop()
  })
  const promotions: unknown[] = []
  const take = (message: unknown) => void promotions.push(message)
  subscribe('knex-flatten:promotion', take)
  onTestFinished(() => void unsubscribe('knex-flatten:promotion', take))
  await db.raw('select pg_promote(true)')
  await expect
    .poll(async () => {
      await db.raw('select 1')
      return promotions
    })
    .toEqual([{ server: new URL(servers.standbyUrl).host }])
})
