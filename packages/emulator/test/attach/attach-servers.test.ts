import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startForwardingReader, type ForwardingReader } from '../../src/index.ts'
import { checkFree } from '../../src/listen-address.ts'
import { freePorts } from '../../src/postgres/free-port.ts'
import { standbyCatchesUp } from '../../src/postgres/replication.ts'
import { startServers, type LocalServers } from '../../src/postgres/start-servers.ts'

let servers: LocalServers
let others: LocalServers
let primaryUrl: string
let standbyUrl: string
beforeAll(async () => {
  ;[servers, others] = await Promise.all([startServers(), startServers()])
  primaryUrl = at(servers.primary.port)
  standbyUrl = at(servers.standby.port)
  await onPrimary(`CREATE ROLE app LOGIN; CREATE TABLE kept AS SELECT 1 AS id; GRANT ALL ON kept TO app`)
  // A reader knows only the tables that its standby has.
  await standbyCatchesUp(servers)
})
afterAll(() => Promise.all([servers.stop(), others.stop()]))

const at = (port: number, user = 'postgres'): string => `postgres://${user}@127.0.0.1:${port}/postgres`

/** What the last of some statements answers, all sent in one session. */
const query = async (url: string, ...statements: string[]): Promise<any[]> => {
  const client = new Client(url)
  await client.connect()
  try {
    const answers: { rows: any[] }[] = []
    for (const sql of statements) answers.push([await client.query<any>(sql)].flat().at(-1))
    return answers.at(-1)!.rows
  } finally {
    await client.end()
  }
}
const onPrimary = (sql: string): Promise<any[]> => query(primaryUrl, sql)

const attached = async (
  work: (reader: ForwardingReader) => Promise<unknown>,
  options: Parameters<typeof startForwardingReader>[0] = {},
): Promise<void> => {
  const reader = await startForwardingReader({ primaryUrl, standbyUrl, ...options })
  await work(reader).finally(() => reader.stop())
}

describe('a reader in front of servers that run already', () => {
  it('forwards, reads its own writes, and leaves the servers running', async () => {
    await attached(async (reader) => {
      expect(reader).toMatchObject({ primaryUrl, standbyUrl })
      const look = 'SELECT max(id), pg_is_in_recovery() AS local FROM kept'
      const seen = await query(reader.readerUrl, 'INSERT INTO kept VALUES (2)', look)
      expect(seen).toEqual([{ max: 2, local: true }])
      expect(reader.crossings().total).toBe(1)
    })
    expect(await query(standbyUrl, 'SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }])
  })

  it('may stand in front of a standby that shows less than it has received', async () => {
    await query(standbyUrl, 'SELECT pg_wal_replay_pause()')
    await onPrimary('INSERT INTO kept VALUES (9)')
    await attached(async (reader) => {
      expect(await query(reader.readerUrl, 'SELECT FROM kept WHERE id = 9')).toEqual([])
    })
    await query(standbyUrl, 'SELECT pg_wal_replay_resume()')
    await onPrimary('DELETE FROM kept WHERE id = 9')
  })

  it('is reached by the loopback where it listens everywhere', async () => {
    await attached(
      async ({ readerUrl }) => {
        expect(readerUrl).toMatch(/^postgres:\/\/postgres@127\.0\.0\.1:/)
        expect(await query(readerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
      },
      { host: '0.0.0.0' },
    )
  })

  it('writes nothing at its start', async () => {
    const nextTransaction = 'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next'
    const before = await onPrimary(nextTransaction)
    await attached(async () => undefined)
    expect(await onPrimary(nextTransaction)).toEqual(before)
  })

  it('says who may hold the standby back, and stops listening where it cannot do as it was told', async () => {
    const [port] = (await freePorts(1)) as [number]
    const app = { primaryUrl: at(servers.primary.port, 'app'), standbyUrl: at(servers.standby.port, 'app') }
    await expect(startForwardingReader({ ...app, port, lagMs: 50 })).rejects.toMatchObject({
      code: 'EMULATOR_LAG',
      message: expect.stringMatching(/^The standby does not let this user hold it back: .*superuser/),
    })
    await expect(checkFree('127.0.0.1', port)).resolves.toBeUndefined()
  })

  it('ends its own sessions on the primary, and nobody else’s, as far as the user may', async () => {
    const app = { primaryUrl: at(servers.primary.port, 'app'), standbyUrl: at(servers.standby.port, 'app') }
    const own = new Client(at(servers.primary.port, 'app'))
    await own.connect()
    await attached(async (reader) => {
      const client = new Client(reader.readerUrl)
      await client.connect()
      await client.query('BEGIN')
      await client.query('INSERT INTO kept VALUES (4)')
      expect(await reader.faults.killForwardedSessions()).toBe(1)
      await expect(client.query('COMMIT')).rejects.toMatchObject({ code: '57P01' })
      await client.query('ROLLBACK')
      await client.end()
      const superior = new Client(reader.readerUrl.replace('app', 'postgres'))
      await superior.connect()
      await superior.query('INSERT INTO kept VALUES (5)')
      await expect(reader.faults.killForwardedSessions()).rejects.toMatchObject({
        code: 'EMULATOR_FAULT',
        message: expect.stringMatching(/^The primary did not end the forwarded sessions: .*Name a superuser/),
      })
      await superior.query('INSERT INTO kept VALUES (6)')
      await superior.end()
    }, app)
    expect((await own.query('SELECT id FROM kept WHERE id IN (4, 5, 6) ORDER BY id')).rows).toEqual([
      { id: 5 },
      { id: 6 },
    ])
    await own.end()
  })

  it.each(['in a file', 'by ALTER SYSTEM'])(
    'cuts off a standby that is configured %s, and joins it again at the latest when it stops',
    async (how) => {
      const feed = `SELECT setting, sourcefile FROM pg_settings WHERE name = 'primary_conninfo'`
      const [{ setting }] = await query(standbyUrl, feed)
      if (how === 'by ALTER SYSTEM') {
        await query(standbyUrl, `ALTER SYSTEM SET primary_conninfo = '${setting.replaceAll("'", "''")}'`)
        await query(standbyUrl, 'SELECT pg_reload_conf()')
        await expect
          .poll(() => query(standbyUrl, feed))
          .toMatchObject([{ sourcefile: expect.stringMatching(/auto/) }])
      }
      const before = await query(standbyUrl, feed)
      await onPrimary('DELETE FROM kept WHERE id = 7')
      await attached(async (reader) => {
        await reader.lag.pause()
        await reader.faults.cutNetwork()
        expect(await query(standbyUrl, 'SHOW primary_conninfo')).toEqual([{ primary_conninfo: '' }])
        await onPrimary('INSERT INTO kept VALUES (7)')
        expect(await query(reader.readerUrl, 'SELECT FROM kept WHERE id = 7')).toEqual([])
      })
      await standbyCatchesUp(servers)
      expect(await query(standbyUrl, feed)).toEqual(before)
      expect(await query(standbyUrl, 'SELECT id FROM kept WHERE id = 7')).toEqual([{ id: 7 }])
    },
  )

  it('says that the standby is not cut off where the user may not do that', async () => {
    const app = { primaryUrl: at(servers.primary.port, 'app'), standbyUrl: at(servers.standby.port, 'app') }
    await attached(async (reader) => {
      await expect(reader.faults.cutNetwork()).rejects.toMatchObject({
        code: 'EMULATOR_FAULT',
        message: expect.stringMatching(
          /^The standby cannot be cut off.*Forwarded sessions alone are cut off.*superuser/,
        ),
      })
      expect(reader.faults.lasting).toEqual(['cut-network'])
      await reader.faults.healNetwork()
      await query(reader.readerUrl, 'INSERT INTO kept VALUES (8)')
    }, app)
  })

  it('empties no database that is not its own, unless told that it may', async () => {
    await attached(async (reader) => {
      await expect(reader.reset()).rejects.toMatchObject({
        code: 'EMULATOR_ATTACH',
        message: expect.stringMatching(
          /^reset\(\) drops everything in database postgres.*Nothing was dropped.*allowReset: true/,
        ),
      })
      expect(await query(standbyUrl, 'SELECT count(*) > 0 AS kept FROM kept')).toEqual([{ kept: true }])
    })
    await onPrimary('CREATE DATABASE scratch')
    await standbyCatchesUp(servers)
    const of = (url: string): string => url.replace(/postgres$/, 'scratch')
    await query(of(primaryUrl), 'CREATE TABLE gone (id int)')
    await attached(
      async (reader) => {
        await reader.lag.set(0)
        await reader.reset()
        expect(reader.status().lagMs).toBe(20)
      },
      { primaryUrl: of(primaryUrl), standbyUrl: of(standbyUrl), allowReset: true, lagMs: 20 },
    )
    expect(await query(of(standbyUrl), `SELECT to_regclass('gone') AS gone`)).toEqual([{ gone: null }])
    expect(await query(standbyUrl, 'SELECT count(*) > 0 AS kept FROM kept')).toEqual([{ kept: true }])
  })

  it('says what an ordinary user cannot do', async () => {
    await onPrimary('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC')
    await standbyCatchesUp(servers)
    const heard: string[] = []
    await attached(
      async (reader) => {
        await query(reader.readerUrl, 'INSERT INTO kept VALUES (3)')
      },
      {
        primaryUrl: at(servers.primary.port, 'app'),
        standbyUrl: at(servers.standby.port, 'app'),
        onProgress: (step) => heard.push(step),
      },
    )
    expect(heard.join('\n')).toMatch(
      /^Asking the primary at .*\napp is no superuser: .*\napp may not call pg_control_system\(\): that the two servers are a pair was not checked$/,
    )
  })

  it.each<[string, () => Parameters<typeof startForwardingReader>[0], RegExp]>([
    [
      'nobody listens',
      () => ({ primaryUrl: at(9) }),
      /The primary at 127\.0\.0\.1:9 cannot be reached \(.*ECONNREFUSED.*listen_addresses/,
    ],
    [
      'the user may not log in',
      () => ({
        standbyUrl: at(servers.standby.port, 'nobody'),
        primaryUrl: at(servers.primary.port, 'nobody'),
      }),
      /does not let user nobody into database postgres: role "nobody" does not exist/,
    ],
    [
      'they are exchanged',
      () => ({ primaryUrl: standbyUrl, standbyUrl: primaryUrl }),
      /primaryUrl and standbyUrl are exchanged/,
    ],
    [
      'both are primaries',
      () => ({ standbyUrl: at(others.primary.port) }),
      /is not in recovery: it is a primary, not a standby/,
    ],
    [
      'both are standbys',
      () => ({ primaryUrl: standbyUrl }),
      /is in recovery: it is a standby, not a primary/,
    ],
    [
      'they are of different clusters',
      () => ({ standbyUrl: at(others.standby.port) }),
      /is a standby, but not of 127\.0\.0\.1:\d+: the system identifiers are \d+ and \d+/,
    ],
  ])('says so where %s', async (_, options, message) => {
    await expect(startForwardingReader({ primaryUrl, standbyUrl, ...options() })).rejects.toMatchObject({
      code: 'EMULATOR_ATTACH',
      message: expect.stringMatching(message),
    })
  })

  it('says so where the standby no longer follows', async () => {
    const standby = at(others.standby.port)
    await query(standby, `ALTER SYSTEM SET primary_conninfo = ''`)
    await query(standby, 'SELECT pg_reload_conf()')
    await expect.poll(() => query(standby, 'SELECT status FROM pg_stat_wal_receiver')).toEqual([])
    await query(at(others.primary.port), 'CREATE TABLE unseen (id int)')
    await expect(
      startForwardingReader({ primaryUrl: at(others.primary.port), standbyUrl: standby }),
    ).rejects.toMatchObject({
      code: 'EMULATOR_ATTACH',
      message: expect.stringMatching(
        /has not received within 10 s.*its WAL receiver is not running\. Look into/,
      ),
    })
  })

  it('wants one user and one database for both', async () => {
    const elsewhere = standbyUrl.replace(/postgres$/, 'other')
    await expect(startForwardingReader({ primaryUrl, standbyUrl: elsewhere })).rejects.toMatchObject({
      code: 'EMULATOR_OPTIONS',
      message: expect.stringMatching(/database other.*must name the same user and the same database/),
    })
  })
})
