import { once } from 'node:events'
import { expect, it } from 'vitest'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import { errorIn, query, RawClient, shape } from './raw-client.ts'
import { useRig } from './rig.ts'

const rig = useRig({ once: 'CREATE TABLE visit (id int)' })
const login = { user: 'postgres', database: 'postgres', application_name: 'load' }
const startup = startupMessage(new Map(Object.entries(login)))
const connect = () => RawClient.connect(rig.endpoint, login)
const turn = () => new Promise((resolve) => setImmediate(resolve))
const left = "SELECT FROM pg_stat_activity WHERE application_name = 'load'"

/** Sockets, timers and whatever else keeps this process alive, by kind. */
const resources = () => process.getActiveResourcesInfo().toSorted()

/** Resolves once nothing of the clients is left on either server, or here. */
async function gone(before: readonly string[]): Promise<void> {
  while ((await rig.onPrimary(left)).length > 0);
  while ((await rig.onStandby(left)).length > 0);
  while (rig.endpoint.status().sessions > 0 || resources().length > before.length) await turn()
}

it('leaves nothing behind of hundreds of short connections, one after another and many at once', async () => {
  ;(await connect()).destroy()
  await gone([...resources(), 'TCPSocketWrap', 'TCPSocketWrap'])
  const before = resources()
  const visit = async (n: number) => {
    const client = await connect()
    const [sql, answer] =
      n % 10 === 0 ? ['INSERT INTO visit VALUES (1)', 'C Z(I)'] : ['SELECT 1', 'T D C Z(I)']
    expect(await client.ask([query(sql)])).toBe(answer)
    if (n % 2) client.destroy()
    else {
      client.socket.end(Buffer.from('X\0\0\0\x04', 'latin1'))
      if (!client.socket.closed) await once(client.socket, 'close')
    }
  }
  for (let n = 0; n < 50; n++) await visit(n)
  for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 30 }, (_, n) => visit(n)))
  await gone(before)
  expect(resources().length).toBeLessThanOrEqual(before.length)
})

it('hands on the server’s own refusal of one session too many, and serves again when there is room', async () => {
  const [{ n: most }] = (await rig.onStandby("SELECT current_setting('max_connections')::int AS n")) as [
    { n: number },
  ]
  const clients = Array.from({ length: most + 20 }, () => {
    const client = new RawClient(rig.endpoint)
    client.send(startup)
    return client
  })
  const answers = await Promise.all(clients.map((client) => client.until('Z')))
  const refused = answers.filter((each) => errorIn(each))
  expect(refused.length).toBeGreaterThanOrEqual(20)
  expect(new Set(refused.map((each) => errorIn(each)?.sqlstate))).toEqual(new Set(['53300']))
  for (const client of clients) client.destroy()
  while (rig.endpoint.status().sessions > 0) await turn()
  while ((await rig.onStandby(left).catch(() => [1])).length > 0);
  expect(await (await connect()).ask([query('SELECT 1')])).toBe('T D C Z(I)')
})

it('reads no further from a client that sends more than it gets answered, and answers all of it in the end', async () => {
  const [client, bystander] = [await connect(), await connect()]
  client.send(query('SELECT pg_sleep(600)'))
  const units = 200
  const long = query(`SELECT length('${'x'.repeat(100_000)}')`)
  for (let n = 0; n < units; n++) client.socket.write(long)
  for (let ask = 0; ask < 50; ask++) await bystander.ask([query('SELECT 1')])
  // Of the 20 MB the system keeps some for the two sockets, and the emulator next to nothing.
  expect(client.socket.writableLength).toBeGreaterThan(5e6)
  await client.cancel()
  expect(shape(await client.until('Z'))).toMatch(/E\(57014\) Z\(I\)$/)
  for (let n = 0; n < units; n++) expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
  client.destroy()
  bystander.destroy()
})

it('carries a row and a value of 64 MB, and holds the server back while the client does not read', async () => {
  const client = await connect()
  const size = 64 * 1024 * 1024
  client.socket.pause()
  client.send(query(`SELECT repeat('x', ${size})`))
  const stuck = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND application_name = 'load'`
  while ((await rig.onStandby(stuck)).length === 0);
  client.destroy()
  const reader = await rig.reader()
  const { rows } = await reader.query('SELECT repeat($1, 2) AS twice', ['y'.repeat(size / 2)])
  expect(rows[0].twice).toHaveLength(size)
  await reader.end()
})
