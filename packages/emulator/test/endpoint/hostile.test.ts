import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import { HostileClients, seeded } from './hostile-client.ts'
import { query } from './raw-client.ts'
import { useRig } from './rig.ts'

const rig = useRig({ once: 'CREATE TABLE noise (id int); CREATE TABLE item (id int PRIMARY KEY)' })

const login = new Map([
  ['user', 'postgres'],
  ['database', 'postgres'],
  ['application_name', 'hostile'],
])

/** Resolves once no session of theirs is left on either server; one that leaks makes the test run out of time. */
async function allGone(): Promise<void> {
  const sessions = "SELECT FROM pg_stat_activity WHERE application_name = 'hostile'"
  while ((await rig.onPrimary(sessions)).length > 0);
  while ((await rig.onStandby(sessions)).length > 0);
}

it('ends the sessions of clients that leave while their session is being made', async () => {
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const socket = connect({ ...rig.endpoint, allowHalfOpen: true })
      socket.on('error', () => undefined).resume()
      socket.end(startupMessage(login))
      await once(socket, 'close')
    }),
  )
  await allGone()
})

it('ends the sessions of clients that leave while the writer is being reached', async () => {
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const client = await rig.raw(Object.fromEntries(login))
      client.send(query('BEGIN; INSERT INTO noise VALUES (0)'))
      // The answer to it is not waited for: the server is still being connected to.
      await new Promise((resolve) => setImmediate(resolve))
      client.destroy()
    }),
  )
  await allGone()
})

it('serves one session through a crowd of clients that send anything and leave anywhere', async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  const random = seeded(Number(process.env.SEED ?? 1))
  const crowd = new HostileClients(rig.endpoint, login, random)
  let visits = 600
  const visitors = Array.from({ length: 6 }, async () => {
    while (visits-- > 0) await crowd.visit()
  })
  const over = new AbortController()
  void Promise.all(visitors).then(() => over.abort())

  const client = await rig.reader()
  let written = 0
  while (!over.signal.aborted) {
    await client.query('INSERT INTO item VALUES ($1)', [written++])
    const { rows } = await client.query('SELECT count(*)::int AS count FROM item')
    expect(rows[0].count).toBe(written)
  }
  await allGone()
  expect(written).toBeGreaterThan(0)
  expect(unhandled).toEqual([])
  process.off('unhandledRejection', onUnhandled)
})
