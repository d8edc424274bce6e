import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as secure } from 'node:tls'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { saslInitialMessage, saslResponseMessage } from '../../src/wire/authentication.ts'
import { framed } from '../../src/wire/build.ts'
import { sslRequestMessage, startupMessage } from '../../src/wire/startup-packet.ts'
import { ca, certificate, tls } from './certificates.ts'
import { installed } from './installed.ts'
import { errorIn, query, RawClient } from './raw-client.ts'
import { errorOf, useRig } from './rig.ts'

const run = promisify(execFile)
const psql = installed('psql')
/** SASLprep makes `IX-a b` of it: the Roman numeral, the soft hyphen, the wide space. */
const password = 'Ⅸ-\u00ada\u3000b'
const auth = { user: 'postgres', password }
const rig = useRig({ tls, auth })

const caFile = new URL('certificates/ca.pem', import.meta.url).pathname
const startup = startupMessage(
  new Map([
    ['user', 'postgres'],
    ['database', 'postgres'],
  ]),
)

/** What psql says: its rows, or why it has none. */
async function psqlSays(environment: Record<string, string>): Promise<string> {
  const { host, port } = rig.endpoint
  const env = {
    ...process.env,
    PGHOST: 'localhost',
    PGHOSTADDR: host,
    PGPORT: String(port),
    PGUSER: 'postgres',
    PGDATABASE: 'postgres',
    PGPASSWORD: 'IX-a b',
    PGSSLROOTCERT: caFile,
    ...environment,
  }
  return run(psql!, ['-X', '-w', '-At', '-c', 'SELECT 42'], { env }).then(
    ({ stdout }) => stdout.trim(),
    (error: unknown) => (error as { stderr: string }).stderr.trim(),
  )
}

describe('a client that logs in', () => {
  it('with node-postgres gives the password in any form that means the same', async () => {
    for (const given of [password, 'IX-a b']) {
      const client = await rig.reader({ password: given })
      expect((await client.query('SELECT 42 AS answer')).rows).toEqual([{ answer: 42 }])
    }
  })

  it('with postgres.js does so too', async () => {
    const { host, port } = rig.endpoint
    const sql = postgres({ host, port, user: 'postgres', database: 'postgres', password: 'IX-a b', max: 1 })
    expect(await sql`SELECT 42 AS answer`).toEqual([{ answer: 42 }])
    await sql.end()
  })

  it('with node-postgres over TLS ties the login to the certificate', async () => {
    const client = await rig.reader({ password, ssl: { ca }, enableChannelBinding: true })
    expect((await client.query('SELECT 42 AS answer')).rows).toEqual([{ answer: 42 }])
  })

  it.skipIf(psql === undefined)(
    'with psql demands to be tied to the certificate, or does without',
    async () => {
      expect(await psqlSays({ PGSSLMODE: 'disable' })).toBe('42')
      expect(await psqlSays({ PGSSLMODE: 'verify-full', PGCHANNELBINDING: 'require' })).toBe('42')
      expect(await psqlSays({ PGSSLMODE: 'require', PGCHANNELBINDING: 'disable' })).toBe('42')
      expect(await psqlSays({ PGSSLMODE: 'disable', PGCHANNELBINDING: 'require' })).toMatch(/channel binding/)
    },
  )

  it.skipIf(psql === undefined).each(['rsa-sha512', 'rsa-pss-sha384', 'ecdsa-sha384'])(
    'is tied to a certificate that is signed otherwise: %s',
    async (name) => {
      const own = await rig.endpointWith({ tls: { ...tls, cert: certificate(name) }, auth })
      expect(
        await psqlSays({
          PGPORT: String(own.port),
          PGSSLMODE: 'require',
          PGCHANNELBINDING: 'require',
          PGSSLROOTCERT: '',
        }),
      ).toBe('42')
    },
  )

  it('is refused with a wrong password, in PostgreSQL’s words', async () => {
    expect(await errorOf(rig.reader({ password: 'wrong' }))).toMatchObject({
      severity: 'FATAL',
      code: '28P01',
      message: 'password authentication failed for user "postgres"',
    })
  })

  it('in another name is refused in the same words, whatever the password', async () => {
    expect(await errorOf(rig.reader({ user: 'nobody', password }))).toMatchObject({
      code: '28P01',
      message: 'password authentication failed for user "nobody"',
    })
  })

  it('in no name is told that one is missing', async () => {
    const client = new RawClient(rig.endpoint)
    client.send(startupMessage(new Map([['database', 'postgres']])))
    expect(errorIn(await client.ended())).toEqual({
      sqlstate: '28000',
      text: 'no PostgreSQL user name specified in startup packet',
    })
  })

  it('does not learn from salt or iterations whether a user exists', async () => {
    const challenge = async (user: string) => {
      const client = new RawClient(rig.endpoint)
      client.send(startupMessage(new Map([['user', user]])))
      await client.until('R')
      client.send(saslInitialMessage('SCRAM-SHA-256', 'n,,n=,r=abc'))
      const [answer] = await client.until('R')
      client.destroy()
      return /s=([^,]+),i=(\d+)/.exec(answer!.bytes.toString('latin1'))!.slice(1)
    }
    const [real, again, mock, mockAgain, other] = await Promise.all(
      ['postgres', 'postgres', 'nobody', 'nobody', 'noone'].map(challenge),
    )
    expect([again, mockAgain]).toEqual([real, mock])
    expect(other).not.toEqual(mock)
    expect([mock![0]!.length, mock![1]]).toEqual([real![0]!.length, real![1]])
  })
})

describe('an exchange that breaks the rules', () => {
  const first = 'n,,n=,r=abcdefgh'
  it.each([
    [
      'another mechanism',
      [saslInitialMessage('SCRAM-SHA-1', first)],
      '08P01',
      /invalid SASL authentication mechanism/,
    ],
    [
      'a mechanism that was not offered',
      [saslInitialMessage('SCRAM-SHA-256-PLUS', first)],
      '08P01',
      /invalid SASL/,
    ],
    ['no header', [saslInitialMessage('SCRAM-SHA-256', 'nonsense')], '08P01', /malformed SCRAM message/],
    [
      'an unknown flag',
      [saslInitialMessage('SCRAM-SHA-256', 'x,,n=,r=a')],
      '08P01',
      /malformed SCRAM message/,
    ],
    [
      'a binding without TLS',
      [saslInitialMessage('SCRAM-SHA-256', 'p=tls-server-end-point,,n=,r=a')],
      '08P01',
      /malformed SCRAM message/,
    ],
    [
      'another identity',
      [saslInitialMessage('SCRAM-SHA-256', 'n,a=x,n=,r=a')],
      '0A000',
      /authorization identity/,
    ],
    [
      'an extension',
      [saslInitialMessage('SCRAM-SHA-256', 'n,,m=x,n=,r=a')],
      '0A000',
      /unsupported SCRAM extension/,
    ],
    ['a nonce of spaces', [saslInitialMessage('SCRAM-SHA-256', 'n,,n=,r= ')], '08P01', /non-printable/],
    ['a query in its place', [query('SELECT 1')], '08P01', /expected SASL response/],
    ['a long response', [framed(0x70, Buffer.alloc(5000))], '08P01', /invalid length/],
    [
      'a response that ends early',
      [framed(0x70, Buffer.from('SCRAM-SHA-256'))],
      '08P01',
      /insufficient data/,
    ],
    [
      'no proof',
      [saslInitialMessage('SCRAM-SHA-256', first), saslResponseMessage('c=biws')],
      '08P01',
      /malformed/,
    ],
    [
      'another nonce',
      [saslInitialMessage('SCRAM-SHA-256', first), saslResponseMessage('c=biws,r=abc,p=AAAA')],
      '08P01',
      /invalid SCRAM response/,
    ],
    [
      'another header',
      [saslInitialMessage('SCRAM-SHA-256', first), saslResponseMessage('c=eSws,r=abc,p=AAAA')],
      '08P01',
      /unexpected SCRAM channel-binding attribute/,
    ],
  ])('is refused: %s', async (_, messages, sqlstate, text) => {
    const client = new RawClient(rig.endpoint)
    client.send(startup)
    await client.until('R')
    for (const message of messages) {
      client.send(message)
    }
    const error = errorIn(await client.ended())
    expect(error).toMatchObject({ sqlstate })
    expect(error?.text).toMatch(text)
  })

  it('is refused where a client over TLS believes that there is nothing to be tied to', async () => {
    const plain = connect(rig.endpoint)
    plain.write(sslRequestMessage)
    await once(plain, 'data')
    const socket = secure({ socket: plain, host: 'localhost', ca })
    const client = new RawClient(rig.endpoint, socket)
    client.send(startup)
    await client.until('R')
    client.send(saslInitialMessage('SCRAM-SHA-256', 'y,,n=,r=abc'))
    expect(errorIn(await client.ended())).toMatchObject({
      sqlstate: '28000',
      text: 'SCRAM channel binding negotiation error',
    })
  })

  it('may begin with an empty response', async () => {
    const client = new RawClient(rig.endpoint)
    client.send(startup)
    await client.until('R')
    client.send(framed(0x70, Buffer.from('SCRAM-SHA-256\0\xff\xff\xff\xff', 'latin1')))
    expect((await client.until('R'))[0]?.bytes.toString('latin1')).toMatch(/^R\0\0\0\x08\0\0\0\x0b$/)
    client.send(saslResponseMessage(first))
    expect((await client.until('R'))[0]?.bytes.toString('latin1')).toMatch(/r=abcdefgh/)
    client.destroy()
  })
})

describe('a client that does not say who it is', () => {
  const closed = (socket: Socket) => once(socket.on('error', () => undefined).resume(), 'close')

  it('is put out when its time is over, and told so once it was asked', async () => {
    const hasty = await rig.endpointWith({ tls, auth, authenticationTimeoutMs: 300 })
    const silent = connect(hasty)
    const halfway = connect(hasty)
    halfway.write(startup.subarray(0, 5))
    const shaking = connect(hasty)
    shaking.write(sslRequestMessage)
    const asked = new RawClient(hasty)
    asked.send(startup)
    await Promise.all([silent, halfway, shaking].map(closed))
    expect(errorIn(await asked.ended())).toEqual({
      sqlstate: '57014',
      text: 'canceling authentication due to timeout',
    })
  })

  it('has all the time there is once it has said it', async () => {
    const hasty = await rig.endpointWith({ auth, authenticationTimeoutMs: 300 })
    const idle = await rig.reader({ port: hasty.port, password })
    await closed(connect(hasty))
    expect((await idle.query('SELECT 42 AS answer')).rows).toEqual([{ answer: 42 }])
  })
})
