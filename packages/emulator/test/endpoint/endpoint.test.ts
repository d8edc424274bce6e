import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { describeError } from '../../src/wire/error-response.ts'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import { errorIn, query, RawClient, shape, sync } from './raw-client.ts'
import { errorOf, itemTable, noItems, useRig } from './rig.ts'

const rig = useRig({ once: itemTable, each: noItems })

const message = (type: string, length: number, body = '') => {
  const head = Buffer.from(`${type}....`)
  head.writeInt32BE(length, 1)
  return Buffer.concat([head, Buffer.from(body)])
}

describe('the start of a session', () => {
  const opening = async (bytes: Buffer) => {
    const client = new RawClient(rig.endpoint)
    client.send(bytes)
    return client
  }

  it('declines encryption, and the client goes on without', async () => {
    const socket = connect(rig.endpoint)
    for (const code of [80877103, 80877104]) {
      const request = Buffer.alloc(8)
      request.writeInt32BE(8)
      request.writeInt32BE(code, 4)
      socket.write(request)
      expect(String((await once(socket, 'data'))[0])).toBe('N')
    }
    socket.write(startupMessage(new Map([['user', 'postgres']])))
    expect((await once(socket, 'data'))[0][0]).toBe('R'.charCodeAt(0))
    socket.destroy()
  })

  const tls = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
  const gss = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30])
  it.each<[string, Buffer[]]>([
    ['TLS twice', [tls, tls]],
    ['GSSAPI twice', [gss, gss]],
    ['TLS, GSSAPI, TLS', [tls, gss, tls]],
    ['GSSAPI, TLS, GSSAPI', [gss, tls, gss]],
  ])('answers one who asks for encryption as PostgreSQL does: %s', async (_, packets) => {
    const heard = async (address: { host: string; port: number }) => {
      const socket = connect(address)
      const answers: string[] = []
      for (const packet of packets) {
        socket.write(packet)
        const [answer] = (await once(socket, 'data')) as [Buffer]
        const error = answer.length > 1 ? describeError(answer) : undefined
        answers.push(error ? `${error.sqlstate} ${error.text.split(':')[0]}` : String(answer))
      }
      socket.destroy()
      return answers
    }
    expect(await heard(rig.endpoint)).toEqual(await heard(rig.servers.primary))
  })

  it.each([
    ['SSL', tls],
    ['GSSAPI encryption', gss],
  ])('refuses what came unencrypted behind a request for encryption: %s', async (name, request) => {
    const client = await opening(Buffer.concat([request, startupMessage(new Map([['user', 'postgres']]))]))
    expect(errorIn(await client.ended())).toEqual({
      sqlstate: '08P01',
      text: `received unencrypted data after ${name} request`,
    })
  })

  it('relays the standby’s refusal', async () => {
    expect(await errorOf(rig.reader({ database: 'nowhere' }))).toMatchObject({
      code: '3D000',
      severity: 'FATAL',
    })
  })

  it.each([
    ['parameters without an end', Buffer.from('\0\0\0\r\0\x03\0\0user\0'), '08P01'],
    ['protocol 2', Buffer.from([0, 0, 0, 8, 0, 2, 0, 0]), '0A000'],
    [
      'a replication connection',
      startupMessage(
        new Map([
          ['user', 'postgres'],
          ['replication', 'database'],
        ]),
      ),
      '0A000',
    ],
  ])('refuses %s', async (_, bytes, sqlstate) => {
    const client = await opening(bytes)
    expect(errorIn(await client.ended())?.sqlstate).toBe(sqlstate)
  })

  it.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a goodbye', Buffer.from('X\0\0\0\x04')],
    ['a length that is too short', Buffer.from([0, 0, 0, 4, 0, 0, 0, 0])],
  ])('closes as PostgreSQL does, without a word, on %s', async (_, bytes) => {
    for (const address of [rig.endpoint, rig.servers.primary]) {
      const client = new RawClient(address)
      client.send(bytes)
      expect(await client.ended()).toEqual([])
    }
  })

  it('offers protocol 3.0 to a client that would like a newer one', async () => {
    const wish = startupMessage(
      new Map([
        ['user', 'postgres'],
        ['_pq_.wish', 'x'],
      ]),
    )
    wish.writeInt16BE(2, 6)
    const client = await opening(wish)
    expect(shape(await client.until('Z'))).toBe('v R K Z(I)')
    client.destroy()
  })

  it('forgets a client that leaves before it has said anything', async () => {
    const socket = connect(rig.endpoint)
    await once(socket, 'connect')
    socket.end(Buffer.from([0, 0]))
    await once(socket.resume(), 'close')
  })
})

describe('a client that breaks the protocol', () => {
  it.each([
    ['an unknown message', Buffer.from('%%%%%%%%%%')],
    ['one byte that begins no message', Buffer.from('%')],
    ['a length of 2 GB', message('Q', 0x7fffffff)],
    ['a negative length', message('Q', -5)],
    ['a Sync of 20000 bytes', message('S', 20_000)],
    ['text without an end', message('Q', 7, 'abc')],
    ['a Bind without names', message('B', 5, 'x')],
    ['a Describe of nothing', message('D', 6, 'X\0')],
    ['a password', message('p', 5, '\0')],
  ])('is told so and put out: %s; other sessions go on', async (_, bytes) => {
    const other = await rig.reader()
    const client = await rig.raw()
    client.send(bytes, sync)
    const answers = await client.ended()
    expect(errorIn(answers)?.sqlstate).toBe('08P01')
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('loses its transaction when it goes in mid-message; other sessions go on', async () => {
    const other = await rig.reader()
    const client = await rig.raw()
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO item VALUES (1)')])
    client.send(query('INSERT INTO item VALUES (2)').subarray(0, 12))
    client.destroy()
    // The row is free only when the primary has rolled back.
    await other.query('INSERT INTO item VALUES (1)')
    expect((await other.query('SELECT id FROM item')).rows).toEqual([{ id: 1 }])
  })

  it('may send a message byte by byte', async () => {
    const client = await rig.raw()
    for (const byte of query('SELECT 1')) {
      client.send(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
  })
})

describe('cancel', () => {
  it.each([
    ['on the standby', 'SELECT pg_sleep(600)', 'onStandby'],
    ['on the primary', 'INSERT INTO item SELECT 1 FROM pg_sleep(600)', 'onPrimary'],
  ] as const)('reaches a query that runs %s', async (_, sql, where) => {
    const client = await rig.raw()
    client.send(query(sql))
    while ((await rig[where]("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
    await client.cancel()
    expect(shape(await client.until('Z'))).toMatch(/E\(57014\) Z\(I\)$/)
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
  })

  it('gives up the wait for the standby', async () => {
    const client = await rig.raw()
    await rig.onStandby('SELECT pg_wal_replay_pause()')
    try {
      await client.ask([query('INSERT INTO item VALUES (1)')])
      client.send(query('SELECT * FROM item'))
      const answered = client.until('Z')
      await rig.somebodyWaits()
      await client.cancel()
      expect(shape(await answered)).toBe('E(57014) Z(I)')
    } finally {
      await rig.onStandby('SELECT pg_wal_replay_resume()')
    }
    expect(await client.ask([query('SELECT * FROM item')])).toBe('T D C Z(I)')
  })

  it('with a wrong key does nothing', async () => {
    const client = await rig.raw()
    client.key.secret[0]! ^= 1
    await client.cancel()
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
  })
})

describe('the endpoint', () => {
  it('does not gather what a slow client does not read', async () => {
    const client = await rig.raw()
    client.socket.pause()
    client.send(query("SELECT repeat('x', 100000) FROM generate_series(1, 500)"))
    // The backend stops sending only if nobody takes its rows any further.
    const stuck =
      "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND query LIKE '%generate_series%'"
    while ((await rig.onStandby(stuck)).length === 0);
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(30e6)
    client.socket.resume()
    expect((await client.until('Z')).filter(({ type }) => type === 'D')).toHaveLength(500)
  })

  it('ends its sessions when it stops, and says so', async () => {
    const endpoint = await rig.endpointWith({})
    const client = await RawClient.connect(endpoint, { user: 'postgres', application_name: 'stopped' })
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO item VALUES (1)')])
    await endpoint.stop()
    await endpoint.stop()
    expect(errorIn(await client.ended())?.sqlstate).toBe('57P01')
    await (await rig.reader()).query('INSERT INTO item VALUES (1)')
  })

  it('says which port is taken', async () => {
    const { port } = rig.endpoint
    await expect(rig.endpointWith({ port })).rejects.toMatchObject({ code: 'EADDRINUSE', port })
  })

  it('refuses a profile or a latency that makes no sense', async () => {
    await expect(rig.endpointWith({ profile: 'aws-lunar' as never })).rejects.toThrow(/aws-lunar.*aws-global/)
    await expect(rig.endpointWith({ latencyMs: -1 })).rejects.toThrow(/latencyMs is -1/)
    expect(() => rig.endpoint.latency.set(NaN)).toThrow(/latencyMs is NaN/)
  })
})
