import { appendFile, chmod, chown, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startForwardingReader } from '../../src/index.ts'
import { withConnection } from '../../src/postgres/connect.ts'
import { startServers, type LocalServers } from '../../src/postgres/start-servers.ts'
import { tls } from '../endpoint/certificates.ts'

const certificates = new URL('../endpoint/certificates/', import.meta.url)
const file = (name: string): string => encodeURIComponent(fileURLToPath(new URL(name, certificates)))
const auth = { user: 'owner', password: 'p@ss: /?#%' }

/** A pair that lets in nobody without a password, nor without TLS. */
let servers: LocalServers
beforeAll(async () => {
  servers = await startServers({ auth })
  await withConnection(servers.primary, (client) => client.query('CREATE TABLE item (id int)'))
  for (const name of ['primary', 'standby'] as const) {
    const data = join(servers.folder, name)
    const { uid, gid } = await stat(data)
    const own = async (path: string, text: string): Promise<void> => {
      await writeFile(join(data, path), text)
      await chmod(join(data, path), 0o600)
      await chown(join(data, path), uid, gid)
    }
    await own('server.crt', tls.cert)
    await own('server.key', tls.key)
    const rules = await readFile(join(data, 'pg_hba.conf'), 'utf8')
    await own('pg_hba.conf', `hostnossl all all all reject\n${rules}`)
    await appendFile(join(data, 'emulator.conf'), 'ssl = on\n')
    await withConnection(servers[name], (client) => client.query('SELECT pg_reload_conf()'))
    // A new session sees the new rules only when the server has read them.
    while (!/no encryption/.test(await refusal(servers[name].port)));
  }
})
afterAll(() => servers.stop())

const refusal = async (port: number): Promise<string> => {
  const client = new Client({ host: '127.0.0.1', port, database: 'postgres', ...auth })
  try {
    await client.connect()
    await client.end()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

const urls = (parameters: string, password = auth.password): { primaryUrl: string; standbyUrl: string } => {
  const at = ({ port }: { port: number }): string =>
    `postgres://owner:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres?${parameters}`
  return { primaryUrl: at(servers.primary), standbyUrl: at(servers.standby) }
}

it.each([
  ['no sslmode', ''],
  ['sslmode=require', 'sslmode=require'],
  ['sslmode=verify-full', `sslmode=verify-full&sslrootcert=${file('ca.pem')}`],
])('a pair that demands a password and TLS is attached to, and written to: %s', async (_, parameters) => {
  const reader = await startForwardingReader(urls(parameters))
  const client = new Client(reader.readerUrl)
  try {
    await client.connect()
    await client.query('INSERT INTO item VALUES (1)')
    const { rows } = await client.query(
      `SELECT session_user AS who, pg_is_in_recovery() AS standby, ssl, (SELECT count(*) > 0 FROM item) AS seen
           FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
    )
    expect(rows).toEqual([{ who: 'owner', standby: true, ssl: true, seen: true }])
    expect(reader.crossings().total).toBe(1)
  } finally {
    await client.end()
    await reader.stop()
  }
})

it.each<[string, () => ReturnType<typeof urls>, RegExp]>([
  [
    'the password is wrong',
    () => urls('', 'wrong'),
    /does not let user owner.*password authentication failed/,
  ],
  ['TLS is turned off', () => urls('sslmode=disable'), /does not let user owner.*no encryption/],
  [
    'the certificate is not to be believed',
    () => urls(`sslmode=verify-full&sslrootcert=${file('ed25519.pem')}`),
    /The (primary|standby) at 127\.0\.0\.1:\d+ .*(unable to verify|certificate)/,
  ],
])('it is said so where %s', async (_, options, message) => {
  await expect(startForwardingReader(options())).rejects.toMatchObject({
    code: 'EMULATOR_ATTACH',
    message: expect.stringMatching(message),
  })
})
