import { once } from 'node:events'
import { framed } from '../../src/wire/build.ts'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import { errorIn, query, RawClient } from '../endpoint/raw-client.ts'
import { memory, openSockets, type Stand } from './stand.ts'

const atATime = 8
const goodbye = framed('X'.charCodeAt(0))

/** Short connections one behind another, and then a flood of them at once. @returns whether nothing is left of them. */
export async function manyConnections(stand: Stand, total: number, flood: number): Promise<boolean> {
  const before = { ...memory(), sockets: openSockets() }
  let [visits, started] = [0, Date.now()]
  const visitor = async () => {
    while (visits < total) {
      const n = visits++
      const failed = await askAndLeave(await open(stand, n), n)
      if (failed !== undefined) throw new Error(`a short connection failed with ${failed}`)
    }
  }
  await Promise.all(Array.from({ length: atATime }, visitor))
  const seconds = (Date.now() - started) / 1000
  console.log(
    `${visits} short connections, ${atATime} at a time: ${seconds.toFixed(1)} s, ${Math.round(visits / seconds)} a second`,
  )
  const settled = await nothingLeft(stand, before)

  started = Date.now()
  const opened = await Promise.all(Array.from({ length: flood }, (_, n) => open(stand, n)))
  const served = opened.filter(({ refused }) => refused === undefined)
  const others = new Set(opened.flatMap(({ refused }) => refused ?? []))
  const ends = await Promise.all(opened.map((each, n) => askAndLeave(each, n)))
  const failed = ends.filter((sqlstate, n) => sqlstate !== opened[n]!.refused)
  console.log(
    `${flood} connections at once: ${served.length} served, ${flood - served.length} refused (${[...others].join(', ')}), ${failed.length} failed, ${((Date.now() - started) / 1000).toFixed(1)} s`,
  )
  return (await nothingLeft(stand, before)) && settled && [...others, ...failed].every(isTooMany)
}

interface Visit {
  readonly client: RawClient
  /** The SQLSTATE with which it got no session. */
  readonly refused: string | undefined
}

async function open(stand: Stand, n: number): Promise<Visit> {
  const client = new RawClient(stand.endpoints[n % stand.endpoints.length]!)
  client.send(startupMessage(new Map(Object.entries(stand.login))))
  return { client, refused: errorIn(await client.until('Z'))?.sqlstate }
}

/** Reads or writes, and leaves in one way or another. @returns the SQLSTATE of an error. */
async function askAndLeave({ client, refused }: Visit, n: number): Promise<string | undefined> {
  let failed = refused
  if (refused === undefined) {
    client.send(query(n % 10 === 0 ? 'INSERT INTO visit VALUES (1)' : 'SELECT 1'))
    failed = errorIn(await client.until('Z'))?.sqlstate
  }
  if (n % 3 === 0) client.destroy()
  else client.socket.end(n % 3 === 1 ? goodbye : '')
  if (!client.socket.closed) await once(client.socket, 'close')
  return failed
}

/** All places are taken. */
const isTooMany = (sqlstate: string | undefined) => sqlstate === '53300'

async function nothingLeft(
  stand: Stand,
  before: { heap: number; rss: number; sockets: number },
): Promise<boolean> {
  const left = await stand.sessionsLeft(stand.login.application_name, 30_000)
  const [{ heap, rss }, sockets] = [memory(), openSockets()]
  console.log(
    `  ${left} sessions left on the servers; sockets ${before.sockets} → ${sockets}, heap ${before.heap} → ${heap} MB, rss ${before.rss} → ${rss} MB`,
  )
  return left === 0 && sockets <= before.sockets + 2
}
