import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as secure, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import { sslRequestMessage, startupMessage } from '../../src/wire/startup-packet.ts'
import { ca, tls } from './certificates.ts'
import { installed } from './installed.ts'
import { errorIn, query, RawClient, shape } from './raw-client.ts'
import { errorOf, useRig } from './rig.ts'

const run = promisify(execFile)
const psql = installed('psql')
const rig = useRig({ tls, once: 'CREATE TABLE item (id int PRIMARY KEY, name text)', each: 'TRUNCATE item' })
const login = { user: 'postgres', database: 'postgres' }
const caFile = new URL('certificates/ca.pem', import.meta.url).pathname

const requested = async (to: { host: string; port: number } = rig.endpoint): Promise<Socket> => {
  const socket = connect(to)
  socket.write(sslRequestMessage)
  expect(String((await once(socket, 'data'))[0])).toBe('S')
  return socket
}
const encrypted = async (socket: Socket, options: ConnectionOptions = {}): Promise<TLSSocket> => {
  const over = secure({ socket, host: 'localhost', ca, ...options })
  await once(over, 'secureConnect')
  return over
}
const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) =>
    socket
      .on('error', () => undefined)
      .on('close', resolve)
      .resume(),
  )

describe('an encrypted connection', () => {
  it.skipIf(psql === undefined).each(['require', 'verify-full'])(
    'is made by psql, sslmode=%s',
    async (sslmode) => {
      const { stdout } = await run(
        psql!,
        ['-X', '-At', '-c', '\\conninfo', '-c', 'INSERT INTO item VALUES (1)'],
        {
          env: {
            ...process.env,
            PGHOST: 'localhost',
            PGPORT: String(rig.endpoint.port),
            PGUSER: 'postgres',
            PGDATABASE: 'postgres',
            PGSSLMODE: sslmode,
            PGSSLROOTCERT: caFile,
            PGHOSTADDR: '127.0.0.1',
          },
        },
      )
      expect(stdout).toMatch(/SSL connection \(protocol: TLSv1\.3/)
      expect(stdout).toMatch(/INSERT 0 1/)
    },
  )

  it('is made by node-postgres, which checks the certificate', async () => {
    const client = await rig.reader({ ssl: { ca } })
    await client.query('INSERT INTO item VALUES (1)')
    expect((await client.query('SELECT id FROM item')).rows).toEqual([{ id: 1 }])
    expect((await errorOf(rig.reader({ ssl: true }))).code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  it('is made by postgres.js', async () => {
    const sql = postgres({
      ...login,
      host: rig.endpoint.host,
      port: rig.endpoint.port,
      ssl: 'require',
      max: 2,
    })
    await sql`INSERT INTO item (id) VALUES (1)`
    expect(await sql`SELECT id FROM item`).toEqual([{ id: 1 }])
    await sql.end()
  })

  it('is not forced upon a client that does not ask', async () => {
    expect(await (await rig.raw()).ask([query('SELECT 1')])).toBe('T D C Z(I)')
  })

  it('carries long values both ways, whole', async () => {
    const client = await rig.reader({ ssl: { ca } })
    const text = 'größer'.repeat(1_000_000)
    await client.query('INSERT INTO item VALUES (1, $1)', [text])
    const { rows } = await client.query('SELECT name FROM item')
    expect(rows[0].name === text).toBe(true)
  })

  it('holds the server back while the client does not read', async () => {
    const socket = await encrypted(await requested())
    const client = await RawClient.connect(rig.endpoint, login, socket)
    socket.pause()
    client.send(query("SELECT repeat('x', 100000) FROM generate_series(1, 500)"))
    const stuck = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"
    while ((await rig.onStandby(stuck)).length === 0);
    socket.resume()
    const answers = await client.until('Z')
    expect(answers.filter(({ type }) => type === 'D')).toHaveLength(500)
    client.destroy()
  })

  it('serves what was sent before the client closed its side', async () => {
    const socket = await encrypted(await requested(), { allowHalfOpen: true } as ConnectionOptions)
    const client = await RawClient.connect(rig.endpoint, login, socket)
    client.send(query('INSERT INTO item VALUES (1)'), query('SELECT 1'))
    socket.end()
    expect(shape(await client.ended())).toBe('C Z(I) T D C Z(I)')
  })

  it('is made at once, without a request, by a client that names the protocol', async () => {
    const socket = await encrypted(connect(rig.endpoint), { ALPNProtocols: ['postgresql'] })
    expect(socket.alpnProtocol).toBe('postgresql')
    const client = await RawClient.connect(rig.endpoint, login, socket)
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
    client.destroy()
  })

  it.each([
    ['names none', {}],
    ['names another', { ALPNProtocols: ['h2'] }],
  ])('is not made at once by a client that %s', async (_, options) => {
    const socket = secure({ ...rig.endpoint, ca, servername: 'localhost', ...options })
    socket.on('secureConnect', () => socket.write(startupMessage(new Map(Object.entries(login)))))
    const heard: Buffer[] = []
    socket.on('data', (chunk) => heard.push(chunk))
    await closed(socket)
    expect(heard).toEqual([])
  })

  it('is refused where unencrypted bytes came behind the request', async () => {
    const client = new RawClient(rig.endpoint)
    client.send(sslRequestMessage, startupMessage(new Map(Object.entries(login))))
    expect(errorIn(await client.ended())).toEqual({
      sqlstate: '08P01',
      text: 'received unencrypted data after SSL request',
    })
  })

  it.each<[string, () => Promise<TLSSocket>]>([
    ['asked for', async () => encrypted(await requested())],
    ['made at once', () => encrypted(connect(rig.endpoint), { ALPNProtocols: ['postgresql'] })],
  ])('is all there is: what was %s goes over to no other encryption', async (_, make) => {
    const gssRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30])
    for (const [request, version] of [
      [sslRequestMessage, '1234.5679'],
      [gssRequest, '1234.5680'],
    ] as const) {
      const client = new RawClient(rig.endpoint, await make())
      client.send(request)
      expect(errorIn(await client.ended())).toEqual({
        sqlstate: '0A000',
        text: `unsupported frontend protocol ${version}: server supports 3.0 to 3.2`,
      })
    }
  })

  it('that comes to nothing leaves no trace', async () => {
    const garbage = await requested()
    garbage.write('this is no handshake, and never will be one')
    await closed(garbage)
    const distrustful = secure({ socket: await requested(), host: 'elsewhere', ca })
    await closed(distrustful)
    const leaving = await requested()
    leaving.end()
    await closed(leaving)
    expect((await (await rig.reader({ ssl: { ca } })).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('ends with the endpoint’s last words when it stops', async () => {
    const own = await rig.endpointWith({ tls })
    const client = await RawClient.connect(own, login, await encrypted(await requested(own)))
    await own.stop()
    expect(errorIn(await client.ended())?.sqlstate).toBe('57P01')
  })
})

describe('an endpoint that demands encryption', () => {
  let strict: Endpoint
  beforeAll(async () => {
    strict = await rig.endpointWith({ tls: { ...tls, required: true } })
  })

  it('refuses a client without it, in PostgreSQL’s words', async () => {
    const client = new RawClient(strict)
    client.send(startupMessage(new Map(Object.entries(login))))
    expect(errorIn(await client.ended())).toEqual({
      sqlstate: '28000',
      text: 'no pg_hba.conf entry for host "127.0.0.1", user "postgres", database "postgres", no encryption',
    })
  })

  it('lets in a client with it, and cancels without', async () => {
    const client = await RawClient.connect(strict, login, await encrypted(await requested(strict)))
    client.send(query('SELECT pg_sleep(600)'))
    while ((await rig.onStandby("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
    await client.cancel()
    expect(shape(await client.until('Z'))).toMatch(/E\(57014\) Z\(I\)$/)
    client.destroy()
  })
})

it('declines encryption where none is set up, and ends a connection that begins with it', async () => {
  const plain = await rig.endpointWith({})
  const socket = connect(plain)
  socket.write(sslRequestMessage)
  expect(String((await once(socket, 'data'))[0])).toBe('N')
  socket.destroy()
  await closed(secure({ ...plain, ca, ALPNProtocols: ['postgresql'] }))
})
