import { once } from 'node:events'
import { appendFile, chmod, chown, readFile, stat, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import type { ServerAddress, ServerPair, ServerTls } from '../../src/servers.ts'
import { ca, certificate, tls } from './certificates.ts'
import { errorOf, useRig } from './rig.ts'

const password = 'Ⅸ secret'
const roles = ['by_trust', 'by_cleartext', 'by_md5', 'by_scram', 'by_tls'] as const
const rules = [
  'local all all trust',
  'host all by_cleartext 127.0.0.1/32 password',
  'host all by_md5 127.0.0.1/32 md5',
  'host all by_scram 127.0.0.1/32 scram-sha-256',
  'hostssl all by_tls 127.0.0.1/32 scram-sha-256',
  'hostnossl all by_tls 127.0.0.1/32 reject',
]

const rig = useRig({
  once: `
    CREATE TABLE item (id int);
    SET password_encryption = 'md5'; CREATE ROLE by_md5 LOGIN PASSWORD '${password}';
    SET password_encryption = 'scram-sha-256';
    ${['by_cleartext', 'by_scram', 'by_tls'].map((role) => `CREATE ROLE ${role} LOGIN PASSWORD '${password}';`).join('')}
    CREATE ROLE by_trust LOGIN; GRANT ALL ON item TO ${roles.join(', ')}`,
})

/** Servers that ask for passwords, and can encrypt. */
beforeAll(async () => {
  for (const name of ['primary', 'standby'] as const) {
    const data = join(rig.servers.folder, name)
    const { uid, gid } = await stat(data)
    const own = async (file: string, text: string) => {
      await writeFile(join(data, file), text)
      await chmod(join(data, file), 0o600)
      await chown(join(data, file), uid, gid)
    }
    await own('server.crt', tls.cert)
    await own('server.key', tls.key)
    await own('pg_hba.conf', `${rules.join('\n')}\n${await readFile(join(data, 'pg_hba.conf'), 'utf8')}`)
    await appendFile(join(data, 'emulator.conf'), 'ssl = on\n')
    const client = new pg.Client({ ...rig.servers[name], user: 'postgres', database: 'postgres' })
    await client.connect()
    await client.query('SELECT pg_reload_conf()')
    await client.end()
  }
  // A new session sees the new rules only when the server has read them.
  for (const address of [rig.servers.primary, rig.servers.standby]) {
    for (let asks = false; !asks;) {
      const client = new pg.Client({ ...address, user: 'by_tls', database: 'postgres', password: '' })
      const error = await errorOf(client.connect())
      asks = /pg_hba\.conf rejects/.test(error.message)
    }
  }
})

const behind = (
  login: Pick<ServerAddress, 'user' | 'password' | 'tls'>,
  standby: ServerAddress = rig.servers.standby,
): Promise<Endpoint> => {
  const { primary, user, database } = rig.servers
  const servers: ServerPair = {
    primary: { ...primary, ...login },
    standby: { ...standby, ...login },
    user,
    database,
  }
  return rig.endpointWith({ servers })
}
const verify: ServerTls = { mode: 'verify-full', ca }

/** Reads, writes, and reads what was written, in a user's name. */
async function works(endpoint: Endpoint, user: string): Promise<boolean> {
  const client = await rig.reader({ port: endpoint.port, user })
  const { rows } = await client.query('INSERT INTO item VALUES (1) RETURNING session_user AS who')
  const seen = await client.query('SELECT session_user AS who, count(*) > 0 AS seen FROM item')
  return rows[0].who === user && seen.rows[0].who === user && seen.rows[0].seen === true
}

describe('a server that asks who is there', () => {
  it.each([...roles.slice(0, 4)])('is told so: %s', async (user) => {
    expect(await works(await behind({ user, password }), user)).toBe(true)
  })

  it.each<[string, ServerTls]>([
    ['prefer', { mode: 'prefer' }],
    ['require', { mode: 'require' }],
    ['verify-ca', { mode: 'verify-ca', ca }],
    ['verify-full', verify],
  ])('is told so by TLS: %s', async (_, over) => {
    expect(await works(await behind({ user: 'by_tls', password, tls: over }), 'by_tls')).toBe(true)
  })

  it('is not talked to over TLS if its certificate is not to be believed', async () => {
    const distrusting = {
      user: 'by_tls',
      password,
      tls: { mode: 'verify-full', ca: certificate('ed25519') },
    } as const
    const error = await errorOf(rig.reader({ port: (await behind(distrusting)).port, user: 'by_tls' }))
    expect(error).toMatchObject({ code: '08006' })
    expect(error.message).toMatch(/reader's own server at 127\.0\.0\.1:\d+ was lost: unable to verify/)
  })

  it.each(['S', 'N'])(
    'is not talked to if something came behind its %s, which somebody in between may have put there',
    async (letter) => {
      const between = createServer((client) => {
        const server = connect(rig.servers.standby)
        client.on('error', () => server.destroy()).on('close', () => server.destroy())
        server.on('error', () => client.destroy()).on('close', () => client.destroy())
        const goOn = () => {
          client.write(`${letter}more`)
          client.pipe(server).pipe(client)
        }
        client.once('data', (request: Buffer) => {
          if (letter === 'N') goOn()
          else server.once('data', goOn).write(request)
        })
      })
      await once(between.listen(0, '127.0.0.1'), 'listening')
      const { port } = between.address() as AddressInfo
      const tls = letter === 'S' ? verify : ({ mode: 'prefer' } as const)
      const endpoint = await behind({ user: 'by_scram', password, tls }, { host: '127.0.0.1', port })
      const error = await errorOf(rig.reader({ port: endpoint.port, user: 'by_scram' }))
      expect(error).toMatchObject({ code: '08006' })
      expect(error.message).toMatch(/sent unencrypted data where an encrypted connection was to begin/)
      between.close()
    },
  )

  it('says itself that a password is wrong, or TLS missing', async () => {
    const wrong = await behind({ user: 'by_scram', password: 'wrong' })
    expect(await errorOf(rig.reader({ port: wrong.port, user: 'by_scram' }))).toMatchObject({ code: '28P01' })
    const plain = await behind({ user: 'by_tls', password })
    expect(await errorOf(rig.reader({ port: plain.port, user: 'by_tls' }))).toMatchObject({ code: '28000' })
  })

  it('is given one user’s password only: another is told whose the reader knows', async () => {
    const endpoint = await behind({ user: 'by_scram', password })
    expect(await errorOf(rig.reader({ port: endpoint.port, user: 'by_md5' }))).toMatchObject({
      code: '28000',
      message: 'the server asks for the password of user "by_md5", which the reader does not know',
      hint: 'Connect as "by_scram", whose password it knows.',
    })
    expect(await works(endpoint, 'by_trust')).toBe(true)
  })

  it('cancels over TLS what it runs', async () => {
    const endpoint = await behind({ user: 'by_tls', password, tls: verify })
    const client = await rig.reader({ port: endpoint.port, user: 'by_tls' })
    const running = errorOf(client.query('SELECT pg_sleep(600)'))
    while ((await rig.onStandby("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
    const canceller = new pg.Client({ host: endpoint.host, port: endpoint.port, user: 'by_tls' })
    ;(canceller as unknown as { cancel(client: pg.Client, query: unknown): void }).cancel(
      client,
      (client as unknown as { _activeQuery: unknown; activeQuery: unknown })._activeQuery,
    )
    expect((await running).code).toBe('57014')
  })

  it('that takes no TLS is refused where it is demanded, and used without where it is preferred', async () => {
    const data = join(rig.servers.folder, 'standby')
    await appendFile(join(data, 'emulator.conf'), 'ssl = off\n')
    await rig.onStandby('SELECT pg_reload_conf()')
    while ((await rig.onStandby("SELECT FROM pg_settings WHERE name = 'ssl' AND setting = 'on'")).length > 0);
    const strict = await behind({ user: 'by_scram', password, tls: verify })
    const error = await errorOf(rig.reader({ port: strict.port, user: 'by_scram' }))
    expect(error.message).toMatch(/takes no encrypted connections, and sslmode=verify-full asks for one/)
    const content = await behind({ user: 'by_scram', password, tls: { mode: 'prefer' } })
    expect(await works(content, 'by_scram')).toBe(true)
  })
})
