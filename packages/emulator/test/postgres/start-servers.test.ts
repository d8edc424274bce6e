import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { giveTo, serverAccount } from '../../src/postgres/account.ts'
import { withConnection } from '../../src/postgres/connect.ts'
import { removeLeftovers } from '../../src/postgres/data-folder.ts'
import { emptyDatabase } from '../../src/reset/empty-database.ts'
import { standbyCatchesUp } from '../../src/postgres/replication.ts'
import { startServers, type LocalServers } from '../../src/postgres/start-servers.ts'

const steps: string[] = []
let servers: LocalServers
let temporary: string

beforeAll(async () => {
  // Of our own: other tests clean up what killed runs left behind, too.
  temporary = await mkdtemp(join(tmpdir(), 'servers-test-'))
  await chmod(temporary, 0o755)
  vi.stubEnv('TMPDIR', temporary)
  servers = await startServers({ onProgress: (step) => steps.push(step) })
})
afterAll(async () => {
  await servers.stop()
  await rm(temporary, { recursive: true })
})

const one = <T>(server: 'primary' | 'standby', sql: string): Promise<T> =>
  withConnection(servers[server], async (client) => [await client.query<any>(sql)].flat().at(-1)?.rows[0])

describe('startServers', () => {
  it('starts a primary and a standby that streams from it', async () => {
    expect(await one('primary', 'SELECT pg_is_in_recovery() AS recovering')).toEqual({ recovering: false })
    expect(await one('standby', 'SELECT pg_is_in_recovery() AS recovering')).toEqual({ recovering: true })
    expect(await one('primary', 'SELECT state, application_name FROM pg_stat_replication')).toEqual({
      state: 'streaming',
      application_name: 'standby',
    })
  })

  it('shows on the standby what was committed on the primary', async () => {
    await one('primary', 'CREATE TABLE arrives AS SELECT 42 AS answer')
    await standbyCatchesUp(servers)
    expect(await one('standby', 'SELECT answer FROM arrives')).toEqual({ answer: 42 })
  })

  it('leaves nothing in the database and listens on the loopback alone', async () => {
    expect(
      await one('primary', `SELECT count(*)::int FROM pg_class WHERE oid >= 16384 AND relname <> 'arrives'`),
    ).toEqual({
      count: 0,
    })
    expect(await one('primary', 'SHOW listen_addresses')).toEqual({ listen_addresses: '127.0.0.1' })
    expect(await one('primary', 'SHOW unix_socket_directories')).toEqual({ unix_socket_directories: '' })
  })

  it('knows letters beyond ASCII', async () => {
    expect(await one('standby', `SELECT upper('größe') AS upper`)).toEqual({ upper: 'GRÖßE' })
  })

  it('lets ALTER SYSTEM have the last word', async () => {
    await one('standby', `ALTER SYSTEM SET hot_standby_feedback = 'off'`)
    await one('standby', 'SELECT pg_reload_conf()')
    await expect
      .poll(() => one('standby', 'SHOW hot_standby_feedback'))
      .toEqual({ hot_standby_feedback: 'off' })
  })

  it('shows each log to SQL', async () => {
    await one('standby', 'SELECT 1/0').catch(() => undefined)
    expect(await one('standby', `SELECT pg_read_file('server.log') ~ 'division by zero' AS found`)).toEqual({
      found: true,
    })
    expect(await one('primary', `SELECT pg_read_file('server.log') ~ 'division by zero' AS found`)).toEqual({
      found: false,
    })
  })

  it('says each step', () => {
    expect(steps).toEqual([
      `Creating a PostgreSQL ${servers.version} cluster and its copy`,
      'Starting the primary',
      'Starting the standby',
      'Waiting for the first row to reach the standby',
    ])
  })

  it('runs next to others, and ends without a trace', async () => {
    const other = await startServers()
    expect(
      new Set([servers.primary, servers.standby, other.primary, other.standby].map(({ port }) => port)).size,
    ).toBe(4)
    await other.stop()
    await other.stop()
    expect(existsSync(other.folder)).toBe(false)
    await expect(withConnection(other.primary, async () => undefined)).rejects.toThrow('ECONNREFUSED')
    expect(await one('primary', 'SELECT 1 AS still')).toEqual({ still: 1 })
  })

  it.each(['primary', 'standby'] as const)(
    'moves to other ports when another program takes that of the %s just before it starts',
    async (name) => {
      const folders = () => readdirSync(temporary).filter((entry) => entry.startsWith('forwarding-reader-'))
      const before = folders()
      const heard: string[] = []
      const thief = createServer()
      const other = await startServers({
        onProgress: (step) => {
          heard.push(step)
          if (step !== `Starting the ${name}` || thief.listening) return
          const folder = folders().find((entry) => !before.includes(entry))!
          const settings = readFileSync(join(temporary, folder, name, 'emulator.conf'), 'utf8')
          thief.listen(Number(/^port = '(\d+)'/m.exec(settings)![1]))
        },
      })
      expect(other[name].port).not.toBe((thief.address() as AddressInfo).port)
      expect(heard.filter((step) => step === `Starting the ${name}`)).toHaveLength(2)
      expect(heard.join()).not.toContain('has ended')
      thief.close()
      await other.stop()
    },
  )
})

describe('emptyDatabase', () => {
  it('removes everything, also what an open transaction holds on to', async () => {
    await one(
      'primary',
      `CREATE SCHEMA shop; CREATE TABLE shop.orders (id serial PRIMARY KEY); CREATE TYPE mood AS ENUM ('fine');
       CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE PUBLICATION p FOR ALL TABLES;
       SELECT lo_create(0)`,
    )
    await standbyCatchesUp(servers)
    await withConnection(servers.standby, async (forgotten) => {
      await forgotten.query('BEGIN')
      await forgotten.query('SELECT * FROM shop.orders')
      await withConnection(servers.primary, async (idle) => {
        await emptyDatabase(servers)
        // Only the session in the way is ended.
        expect((await idle.query('SELECT 1 AS here')).rows).toEqual([{ here: 1 }])
      })
      await expect(forgotten.query('SELECT 1')).rejects.toThrow(/not queryable/)
    })
    for (const server of ['primary', 'standby'] as const) {
      expect(
        await one(
          server,
          `SELECT (SELECT count(*) FROM pg_class WHERE oid >= 16384)::int AS tables,
                  (SELECT count(*) FROM pg_proc WHERE oid >= 16384 AND pronamespace <> 'pg_catalog'::regnamespace)::int AS functions,
                  (SELECT count(*) FROM pg_type WHERE oid >= 16384)::int AS types,
                  (SELECT count(*) FROM pg_largeobject_metadata)::int AS objects,
                  (SELECT count(*) FROM pg_publication)::int AS publications,
                  (SELECT array_agg(nspname::text) FROM pg_namespace WHERE nspname !~ '^pg_') AS schemas`,
        ),
      ).toEqual({
        tables: 0,
        functions: 0,
        types: 0,
        objects: 0,
        publications: 0,
        schemas: expect.arrayContaining(['information_schema', 'public']),
      })
    }
    await one('primary', 'CREATE TABLE public.again (id int)')
  })
})

describe('a data folder that a killed run left behind', () => {
  const abandoned = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'forwarding-reader-'))
    await mkdir(join(folder, 'primary'))
    await giveTo(serverAccount(), folder)
    return folder
  }

  /** A socket whose process is gone: what SIGKILL leaves of a watchdog. */
  const deadSocket = async (folder: string): Promise<void> => {
    const server = createServer()
    const path = join(folder, 'alive')
    await new Promise<void>((done) => server.listen(`${path}.was`, done))
    await link(`${path}.was`, path)
    await new Promise((done) => server.close(done))
  }

  it('is removed at the next start, and said to be', async () => {
    const folder = await abandoned()
    await deadSocket(folder)
    await writeFile(join(folder, 'primary', 'postmaster.pid'), `${process.pid}\n\n\n1\n`)
    const heard: string[] = []
    await (await startServers({ onProgress: (step) => heard.push(step) })).stop()
    expect(existsSync(folder)).toBe(false)
    expect(heard[0]).toBe(`Removed ${folder}, left behind by a killed run`)
  })

  it('stays while one of its servers answers, although its watchdog is gone', async () => {
    const folder = await abandoned()
    await deadSocket(folder)
    const lock = `${process.pid}\n\n\n${servers.primary.port}\n`
    await writeFile(join(folder, 'primary', 'postmaster.pid'), lock)
    await removeLeftovers(serverAccount())
    expect(existsSync(folder)).toBe(true)
    await rm(folder, { recursive: true })
  })

  it('stays while it is so young that its watchdog may still be starting', async () => {
    const folder = await abandoned()
    await removeLeftovers(serverAccount())
    expect(existsSync(folder)).toBe(true)
    await rm(folder, { recursive: true })
  })

  it('of a run that lives is never touched', async () => {
    expect(await removeLeftovers(serverAccount())).toEqual([])
    expect(existsSync(servers.folder)).toBe(true)
    expect(await one('primary', 'SELECT 1 AS still')).toEqual({ still: 1 })
  })
})
