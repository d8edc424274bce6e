import { createServer, connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import Cursor from 'pg-cursor'
import pg from 'pg'
import postgres from 'postgres'
import type { ServerAddress } from '../../src/servers.ts'

/** How to get in at an endpoint. */
export interface Entry {
  readonly address: ServerAddress
  readonly password: string
  readonly encrypted: boolean
}

/** One connection, as its client wrote it: packet by packet. */
export type Recording = readonly Buffer[]

/** What drivers send in sessions that do a little of everything; encrypted where the entry is. */
export async function recordDrivers(entry: Entry): Promise<Recording[]> {
  const recordings: Buffer[][] = []
  const relay = createServer((client) => {
    const packets: Buffer[] = []
    recordings.push(packets)
    const server = connect(entry.address)
    client.on('data', (chunk) => {
      packets.push(chunk)
      server.write(chunk)
    })
    server.on('data', (chunk) => client.write(chunk))
    client.on('close', () => server.destroy()).on('error', () => server.destroy())
    server.on('close', () => client.destroy()).on('error', () => client.destroy())
  })
  await once(relay.listen(0, '127.0.0.1'), 'listening')
  const { port } = relay.address() as AddressInfo
  const login = { host: '127.0.0.1', port, user: 'postgres', password: entry.password, database: 'postgres' }
  await nodePostgres({ ...login, ssl: entry.encrypted && { rejectUnauthorized: false } })
  await postgresJs(
    postgres({
      ...login,
      ssl: entry.encrypted && { rejectUnauthorized: false },
      max: 2,
      onnotice: () => undefined,
      connection: { application_name: 'hostile' },
    }),
  )
  const closed = once(relay, 'close')
  relay.close()
  await closed
  return recordings
}

async function nodePostgres(config: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({ ...config, application_name: 'hostile' })
  await client.connect()
  const failing = (work: Promise<unknown>) => work.catch(() => undefined)
  await client.query("SET app.who = 'x'; SELECT 1; SELECT 2")
  await client.query({ name: 'n', text: 'SELECT $1::int AS n', values: [1] })
  await client.query({ name: 'n', text: 'SELECT $1::int AS n', values: [2] })
  await client.query('INSERT INTO noise VALUES ($1)', [1])
  await failing(client.query('SELEC'))
  await failing(client.query('SELECT 1/$1', [0]))
  await client.query('BEGIN')
  await client.query('INSERT INTO noise VALUES (2)')
  const cursor = client.query(new Cursor('SELECT * FROM generate_series(1, $1)', [20]))
  await cursor.read(7)
  await cursor.close()
  await failing(client.query('SAVEPOINT a'))
  await client.query('ROLLBACK')
  await failing(client.query('COPY noise FROM STDIN'))
  await client.end()
}

async function postgresJs(sql: postgres.Sql): Promise<void> {
  await Promise.all(
    [1, 2, 3].map((n) => sql`SELECT ${n}::int, ${'text'}::text, ${Buffer.from([0, 1])}::bytea`),
  )
  await sql
    .begin((tx) => [tx`INSERT INTO noise VALUES (3)`, tx`SELECT count(*) FROM noise`, tx`SELECT 1/0`])
    .catch(() => undefined)
  await sql`SELECT * FROM generate_series(1, 25)`.cursor(10, () => undefined)
  await sql.end()
}

/** A recording with a few of its bytes, packets or both not as they were. */
export function mutated(recordings: readonly Recording[], random: () => number): Buffer[] {
  const below = (limit: number) => Math.floor(random() * limit)
  const packets = [...recordings[below(recordings.length)]!]
  const other = recordings[below(recordings.length)]!
  for (let change = below(4); change >= 0 && packets.length > 0; change--) {
    const at = below(packets.length)
    const packet = Buffer.from(packets[at]!)
    switch (below(7)) {
      case 0:
        packet[below(packet.length)] = below(256)
        packets[at] = packet
        break
      case 1:
        packets[at] = packet.subarray(0, below(packet.length))
        break
      case 2:
        packets.splice(at, 1)
        break
      case 3:
        packets.splice(at, 0, packet)
        break
      case 4:
        packets.splice(at, 1, packet.subarray(0, packet.length >> 1), packet.subarray(packet.length >> 1))
        break
      case 5:
        packets.splice(below(packets.length), 0, other[below(other.length)]!)
        break
      default:
        packets.push(...other)
    }
  }
  return packets
}
