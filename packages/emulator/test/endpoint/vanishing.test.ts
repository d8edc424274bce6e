import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as secure } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import { saslInitialMessage } from '../../src/wire/authentication.ts'
import { sslRequestMessage, startupMessage } from '../../src/wire/startup-packet.ts'
import { ca, tls } from './certificates.ts'
import {
  bind,
  copyData,
  describePortal,
  execute,
  flush,
  parse,
  query,
  RawClient,
  shape,
  sync,
} from './raw-client.ts'
import { useRig } from './rig.ts'

const rig = useRig({
  tls,
  once: 'CREATE TABLE item (id int)',
  each: 'TRUNCATE item',
  // COPY is let through, to be left in its middle.
  profile: {
    name: 'copying',
    extends: 'aws-local',
    verdicts: { copy: { verdict: 'forward', known: 'assumed' } },
  },
})
let asking: Endpoint
beforeAll(async () => {
  asking = await rig.endpointWith({ tls, auth: { user: 'postgres', password: 'secret' } })
})

const login = { user: 'postgres', database: 'postgres', application_name: 'vanishing' }
const startup = startupMessage(new Map(Object.entries(login)))
const turn = () => new Promise((resolve) => setImmediate(resolve))

const plain = async (endpoint: Endpoint = rig.endpoint): Promise<Socket> => {
  const socket = connect({ ...endpoint, allowHalfOpen: true })
  await once(
    socket.on('error', () => undefined),
    'connect',
  )
  return socket
}
const asked = async (): Promise<Socket> => {
  const socket = await plain()
  socket.write(sslRequestMessage)
  await once(socket, 'data')
  return socket
}
const said = async (socket: Socket, ...bytes: readonly Buffer[]): Promise<Socket> => {
  for (const each of bytes) socket.write(each)
  await turn()
  return socket
}
/** A session, the messages it sends, and the answer that shows where it is then. */
const session = async (
  messages: readonly Buffer[],
  end?: string,
  before: readonly Buffer[] = [],
): Promise<Socket> => {
  const client = await RawClient.connect(rig.endpoint, login, await plain())
  for (const each of before) await client.ask([each])
  if (messages.length > 0) client.send(...messages)
  if (end === undefined) await turn()
  else await client.until(end)
  return client.socket
}
const insert = (id: number) => [parse(`INSERT INTO item VALUES (${id})`), bind(), execute()]
const many = query("SELECT repeat('x', 100000) FROM generate_series(1, 500)")

const steps: readonly (readonly [string, () => Promise<Socket>])[] = [
  ['it has connected', () => plain()],
  ['half of its startup packet', async () => said(await plain(), startup.subarray(0, 20))],
  ['its request for TLS', asked],
  ['half of a TLS handshake', async () => said(await asked(), Buffer.from([0x16, 3, 1, 2, 0, 1, 0]))],
  [
    'half of a TLS handshake without a request',
    async () => said(await plain(), Buffer.from([0x16, 3, 1, 2, 0, 1])),
  ],
  [
    'the TLS handshake',
    async () => {
      const under = await asked()
      const socket = secure({ socket: under, host: 'localhost', ca })
      await once(
        socket.on('error', () => undefined),
        'secureConnect',
      )
      // Node resets only what it knows as TCP.
      Object.assign(socket, { resetAndDestroy: () => under.resetAndDestroy() })
      return socket
    },
  ],
  [
    'it was asked who it is',
    async () => {
      const socket = await said(await plain(asking), startup)
      await once(socket, 'data')
      return socket
    },
  ],
  [
    'half of an answer to that',
    async () =>
      said(await plain(asking), startup, saslInitialMessage('SCRAM-SHA-256', 'n,,n=,r=a').subarray(0, 9)),
  ],
  [
    'the first half of the exchange',
    async () => {
      const socket = await said(
        await plain(asking),
        startup,
        saslInitialMessage('SCRAM-SHA-256', 'n,,n=,r=a'),
      )
      await once(socket, 'data')
      return socket
    },
  ],
  ['its startup packet', async () => said(await plain(), startup)],
  ['it is ready', () => session([])],
  ['half of a query', () => session([query('SELECT 1').subarray(0, 8)])],
  ['a query', () => session([query('INSERT INTO item VALUES (1)')])],
  ['Parse', () => session([parse('INSERT INTO item VALUES (1)')])],
  ['Parse and Bind', () => session([parse('INSERT INTO item VALUES (1)'), bind()])],
  ['Describe', () => session([parse('SELECT 1'), bind(), describePortal()])],
  ['Execute', () => session(insert(1))],
  ['Flush', () => session([...insert(1), flush], 'C')],
  [
    'a portal fetched in part',
    () => session([parse('SELECT generate_series(1, 9)'), bind(), execute(3), flush], 's'),
  ],
  ['Sync', () => session([...insert(1), sync])],
  ['forty units at once', () => session(Array.from({ length: 40 }, (_, id) => [...insert(id), sync]).flat())],
  [
    'the first of many rows',
    async () => {
      const socket = await session([many], 'T')
      socket.pause()
      return socket
    },
  ],
  ['BEGIN', () => session([], undefined, [query('BEGIN')])],
  [
    'a forwarded write in its transaction',
    () => session([], undefined, [query('BEGIN'), query('INSERT INTO item VALUES (1)')]),
  ],
  ['a transaction that has failed', () => session([], undefined, [query('BEGIN'), query('SELECT 1/0')])],
  ['a COPY that the writer has yet to be reached for', () => session([query('COPY item FROM STDIN')])],
  ['COPY', () => session([query('COPY item FROM STDIN')], 'G')],
  [
    'some data of a COPY',
    async () =>
      said(
        await session([query('COPY item FROM STDIN')], 'G'),
        copyData('1\n'),
        copyData('2\n').subarray(0, 6),
      ),
  ],
  [
    'a COPY of the extended protocol',
    () => session([parse('COPY item FROM STDIN'), bind(), execute(), sync], 'G'),
  ],
  ['a COPY without a Sync', () => session([parse('COPY item FROM STDIN'), bind(), execute(), flush], 'G')],
]

const ways: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['closes', (socket) => socket.destroy()],
  ['resets', (socket) => socket.resetAndDestroy()],
  ['closes its side', (socket) => void socket.resume().end()],
]

/** Resolves once none of its sessions is left on either server, and nothing of it at the endpoints. */
async function gone(): Promise<void> {
  const sessions = "SELECT FROM pg_stat_activity WHERE application_name = 'vanishing'"
  while ((await rig.onPrimary(sessions)).length > 0);
  while ((await rig.onStandby(sessions)).length > 0);
  while (connections() > 0) await turn()
}
function connections(): number {
  const handles = (process as unknown as { _getActiveHandles(): Partial<Socket>[] })._getActiveHandles()
  const ports: unknown[] = [rig.endpoint.port, asking.port]
  return handles.filter(({ localPort, remotePort }) => remotePort !== undefined && ports.includes(localPort))
    .length
}

describe.each(ways)('a client that %s', (_, leave) => {
  it.each(steps)('leaves nothing behind after %s', async (_, reach) => {
    const socket = await reach()
    leave(socket)
    await gone()
    expect(connections()).toBe(0)
  })
})

it.each(ways.slice(0, 2))(
  'a client that %s while it waits for the standby leaves nothing behind',
  async (_, leave) => {
    await rig.onStandby('SELECT pg_wal_replay_pause()')
    try {
      const socket = await session([query('SELECT * FROM item')], undefined, [
        query('INSERT INTO item VALUES (1)'),
      ])
      await rig.somebodyWaits()
      leave(socket)
      await gone()
    } finally {
      await rig.onStandby('SELECT pg_wal_replay_resume()')
    }
  },
)

it('a client that closes its side while it waits for the standby is answered', async () => {
  await rig.onStandby('SELECT pg_wal_replay_pause()')
  const client = await RawClient.connect(rig.endpoint, login, await plain())
  await client.ask([query('INSERT INTO item VALUES (1)')])
  client.send(query('SELECT * FROM item'))
  client.socket.end()
  await turn()
  await rig.onStandby('SELECT pg_wal_replay_resume()')
  expect(shape(await client.ended())).toBe('T D C Z(I)')
})
