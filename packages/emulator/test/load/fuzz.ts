/**
 * Clients that send what no driver would, for as long as is asked, against an open and an encrypted endpoint that wants a
 * password, while honest sessions check that they lose nothing. Says what was left behind: `npm run fuzz -- --minutes 10 --seed 1`.
 */
import { parseArgs } from 'node:util'
import pg from 'pg'
import { tls } from '../endpoint/certificates.ts'
import { HostileClients, seeded } from '../endpoint/hostile-client.ts'
import { mutated, recordDrivers } from './recordings.ts'
import { memory, openSockets, startStand } from './stand.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
  },
})
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
if (!(minutes > 0) || !Number.isInteger(seed)) throw new TypeError('--minutes and --seed are numbers')
const password = 'right'
const crowdSize = 6

const escaped: unknown[] = []
process.on('uncaughtException', (error) => escaped.push(error))
process.on('unhandledRejection', (error) => escaped.push(error))

const stand = await startStand({}, { tls, auth: { user: 'postgres', password } })
await stand.onPrimary('CREATE TABLE noise (id int); CREATE TABLE item (id int, witness int)')
const random = seeded(seed)
const login = new Map([
  ['user', 'postgres'],
  ['database', 'postgres'],
  ['application_name', 'hostile'],
])
const [open, guarded] = stand.endpoints as [(typeof stand.endpoints)[0], (typeof stand.endpoints)[0]]
const recordings = [
  ...(await recordDrivers({ address: open, password: '', encrypted: false })),
  ...(await recordDrivers({ address: guarded, password, encrypted: false })),
  ...(await recordDrivers({ address: guarded, password, encrypted: true })),
]
const crowds = stand.endpoints.map(
  (endpoint) => new HostileClients(endpoint, login, random, () => mutated(recordings, random)),
)
console.log(
  `seed ${seed}, ${minutes} min, ${recordings.length} recordings of drivers, ${crowdSize} hostile clients at a time`,
)

let [visits, over] = [0, false]
const atFirst = { ...memory(), sockets: openSockets() }
const crowd = Array.from({ length: crowdSize }, async (_, n) => {
  while (!over) {
    await crowds[n % crowds.length]!.visit()
    visits++
  }
})
const witnesses = stand.endpoints.map((endpoint, n) => witness(endpoint.port, n))
const started = Date.now()
const report = setInterval(() => {
  const { heap, rss } = memory()
  const elapsed = Math.round((Date.now() - started) / 1000)
  console.log(
    `${elapsed} s: ${visits} sessions, heap ${heap} MB, rss ${rss} MB, ${escaped.length} errors escaped`,
  )
}, 30_000)
await new Promise((resolve) => setTimeout(resolve, minutes * 60_000))
over = true
clearInterval(report)
await Promise.all(crowd)
const written = await Promise.all(witnesses)
const left = await stand.sessionsLeft('hostile', 30_000)
const atLast = { ...memory(), sockets: openSockets() }
await stand.stop()
console.log(`hostile sessions            ${visits}`)
console.log(`writes that were read back  ${written.join(' + ')}`)
console.log(`errors that escaped         ${escaped.length}`)
console.log(`sessions left on servers    ${left}`)
console.log(`sockets                     ${atFirst.sockets} at first, ${atLast.sockets} at last`)
console.log(`heap after collection       ${atFirst.heap} MB at first, ${atLast.heap} MB at last`)
console.log(`buffers                     ${atFirst.buffers} MB at first, ${atLast.buffers} MB at last`)
for (const error of escaped.slice(0, 5)) console.error(error)
const leaks = left > 0 || atLast.sockets > atFirst.sockets + 2
process.exitCode = escaped.length > 0 || leaks ? 1 : 0

/** Writes and reads until the others are gone; @returns how often. @throws if it does not see what it wrote. */
async function witness(port: number, n: number): Promise<number> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database: 'postgres' })
  await client.connect()
  let count = 0
  while (!over) {
    await client.query('INSERT INTO item VALUES ($1, $2)', [count++, n])
    const { rows } = await client.query('SELECT max(id) AS id FROM item WHERE witness = $1', [n])
    if (rows[0].id !== count - 1) throw new Error(`witness ${n} wrote ${count - 1} and read ${rows[0].id}`)
  }
  await client.end()
  return count
}
