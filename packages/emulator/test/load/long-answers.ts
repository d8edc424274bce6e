import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as secure } from 'node:tls'
import pg from 'pg'
import type { ServerAddress } from '../../src/servers.ts'
import { sslRequestMessage } from '../../src/wire/startup-packet.ts'
import { query, RawClient } from '../endpoint/raw-client.ts'
import { memory, type Stand } from './stand.ts'

const megabyte = 2 ** 20
/** What may be held of an answer while its client does not read. */
const boundMb = 32
/** Brings a session's transaction to the writer. */
const onWriter = 'BEGIN; INSERT INTO visit VALUES (1)'

/** A NOTICE of many megabytes, from either server. @returns whether both arrived whole. */
export async function longNotices(stand: Stand, megabytes: number): Promise<boolean> {
  const { host, port } = stand.endpoints[0]!
  const client = new pg.Client({ ...stand.login, host, port })
  await client.connect()
  const said: string[] = []
  client.on('notice', ({ message = '' }) => {
    said.push(`${message.length - 1} bytes ${message.startsWith('t') ? 'of the standby' : 'of the writer'}`)
  })
  const length = megabytes * megabyte
  const shout = `DO $$ BEGIN RAISE NOTICE '%', left(pg_is_in_recovery()::text, 1) || repeat('x', ${length}); END $$`
  await client.query(shout)
  await client.query("SET apg_write_forward.consistency_mode = 'off'")
  await client.query(shout)
  await client.end()
  console.log(`NOTICEs: ${said.join(', ')}`)
  return said.join() === `${length} bytes of the writer,${length} bytes of the standby`
}

/** Clients that stop reading a huge result and then read it slowly. @returns whether memory stayed bounded. */
export async function slowReaders(stand: Stand, megabytes: number): Promise<boolean> {
  const rows = `SELECT repeat('x', ${megabyte}) FROM generate_series(1, ${megabytes})`
  const row = `SELECT repeat('x', ${megabytes * megabyte})`
  const [plain, guarded] = stand.endpoints as readonly ServerAddress[] as [ServerAddress, ServerAddress]
  const results = [
    await slowReader(stand, 'rows of the standby', await RawClient.connect(plain, stand.login), rows),
    await slowReader(stand, 'one row of the standby', await RawClient.connect(plain, stand.login), row),
    await slowReader(
      stand,
      'rows of the writer',
      await RawClient.connect(plain, stand.login),
      rows,
      onWriter,
    ),
    await slowReader(
      stand,
      'rows over TLS',
      await RawClient.connect(guarded, stand.login, await encrypted(guarded)),
      rows,
    ),
  ]
  return results.every(Boolean)
}

async function slowReader(
  stand: Stand,
  what: string,
  client: RawClient,
  sql: string,
  begin?: string,
): Promise<boolean> {
  if (begin !== undefined) await client.ask([query(begin)])
  const { socket } = client
  const before = memory()
  let [most, got, chunks] = [0, 0, 0]
  const look = () => {
    const { heap, buffers } = memory()
    most = Math.max(most, heap + buffers - before.heap - before.buffers)
  }
  socket.pause()
  socket.removeAllListeners('data')
  client.send(query(sql))
  const stuck = `SELECT FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND application_name = '${stand.login.application_name}'`
  while ([...(await stand.onStandby(stuck)), ...(await stand.onPrimary(stuck))].length === 0) look()
  look()
  const done = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length
      // The end of ReadyForQuery, with the status of a session that rests or is in its transaction.
      if (/Z\0\0\0\x05[IT]$/.test(chunk.toString('latin1', chunk.length - 6))) resolve()
      socket.pause()
      if (chunks++ % 100 === 0) look()
      setTimeout(() => socket.resume(), 1)
    })
  })
  socket.resume()
  await done
  client.destroy()
  const left = await stand.sessionsLeft(stand.login.application_name, 30_000)
  console.log(
    `${what}: ${Math.round(got / megabyte)} MB read slowly, no more than ${most.toFixed(1)} MB held, rss ${before.rss} → ${memory().rss} MB, ${left} sessions left`,
  )
  return most <= boundMb && left === 0
}

async function encrypted({ host, port }: ServerAddress): Promise<Socket> {
  const socket = connect(port, host)
  socket.write(sslRequestMessage)
  await once(socket, 'data')
  const over = secure({ socket, rejectUnauthorized: false })
  await once(over, 'secureConnect')
  return over
}
