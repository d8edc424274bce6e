import pg from 'pg'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { assume } from '../../src/assumptions/assumptions.ts'
import { startEndpoint, type Endpoint, type EndpointOptions } from '../../src/endpoint/endpoint.ts'
import { startServers, type LocalServers } from '../../src/postgres/start-servers.ts'
import type { ServerAddress } from '../../src/servers.ts'
import { RawClient } from './raw-client.ts'

/** How an endpoint differs from the default one; assumptions as a user gives them. */
interface Different extends Partial<Omit<EndpointOptions, 'assumptions'>> {
  readonly assumptions?: Readonly<Record<string, string>>
}

/** A primary, a standby and an endpoint of a test file's own, and ways to look at each. */
export interface Rig {
  readonly servers: LocalServers
  readonly endpoint: Endpoint
  /** Another endpoint in front of the same servers. */
  endpointWith(options: Different): Promise<Endpoint>
  /** A session on the endpoint. */
  reader(config?: pg.ClientConfig): Promise<pg.Client>
  /** A session on the endpoint (or another), byte for byte. */
  raw(parameters?: Record<string, string>, on?: ServerAddress): Promise<RawClient>
  /** The last statement's rows, on a session of its own. */
  onPrimary(sql: string, values?: unknown[]): Promise<any[]>
  onStandby(sql: string, values?: unknown[]): Promise<any[]>
  /** Resolves once the standby has replayed what the primary has committed. */
  replicated(): Promise<void>
  /** Resolves once a session waits for the standby: only while one does, the emulator asks the standby how far it is. */
  somebodyWaits(): Promise<void>
  stop(): Promise<void>
}

/** What a file's tests begin with, and how its endpoint differs from the default one. */
export interface RigOptions extends Different {
  /** Runs on the primary before the first test. */
  readonly once?: string
  /** Runs on the primary before each test. */
  readonly each?: string
}

/** A rig for all tests of a file; before each of them the standby is as far as the primary, and the counters are at zero. */
export function useRig({ once, each, ...options }: RigOptions = {}): Rig {
  const rig = {} as Rig
  let started: Rig | undefined
  beforeAll(async () => {
    started = await startRig(options)
    Object.assign(rig, started)
    if (once !== undefined) await rig.onPrimary(once)
  })
  afterAll(() => started?.stop())
  beforeEach(async () => {
    if (each !== undefined) await rig.onPrimary(each)
    await rig.replicated()
    rig.endpoint.reset()
  })
  return rig
}

async function startRig(options: Different): Promise<Rig> {
  const servers = await startServers()
  const endpoints: Endpoint[] = []
  const endpointWith = async (different: Different): Promise<Endpoint> => {
    const { profile = 'aws-local', assumptions } = different
    const listen = { host: '127.0.0.1', port: 0 }
    const assumed = assume(profile, assumptions)
    const started = await startEndpoint({ servers, ...listen, latencyMs: 0, ...different, ...assumed })
    endpoints.push(started)
    return started
  }
  const endpoint = await endpointWith(options)
  const clients: pg.Client[] = []
  const raws: RawClient[] = []
  const login = ({ host, port }: ServerAddress): pg.ClientConfig => ({
    host,
    port,
    user: servers.user,
    database: servers.database,
  })
  const once = async (address: ServerAddress, sql: string, values?: unknown[]): Promise<any[]> => {
    const client = new pg.Client(login(address))
    await client.connect()
    try {
      return [await client.query(sql, values)].flat().at(-1)!.rows
    } finally {
      await client.end()
    }
  }
  return {
    servers,
    endpoint,
    endpointWith,
    async reader(config = {}) {
      const client = new pg.Client({ ...login(endpoint), ...config })
      // A test that ends a session on purpose looks at the query's own rejection.
      client.on('error', () => undefined)
      await client.connect()
      clients.push(client)
      return client
    },
    async raw(parameters = {}, on = endpoint) {
      const client = await RawClient.connect(on, {
        user: servers.user,
        database: servers.database,
        ...parameters,
      })
      raws.push(client)
      return client
    },
    onPrimary: (sql, values) => once(servers.primary, sql, values),
    onStandby: (sql, values) => once(servers.standby, sql, values),
    async replicated() {
      const [{ lsn }] = await once(servers.primary, 'SELECT pg_current_wal_flush_lsn()::text AS lsn')
      const client = new pg.Client(login(servers.standby))
      await client.connect()
      for (;;) {
        const { rows } = await client.query('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done', [lsn])
        if (rows[0].done) break
      }
      await client.end()
    },
    async somebodyWaits() {
      // The session that asks stays for a while when nobody waits any more, and its last question with it.
      const [{ since }] = await once(servers.standby, 'SELECT clock_timestamp()::text AS since')
      const asked = `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_last_wal_replay_lsn(), extract%'
        AND pid <> pg_backend_pid() AND query_start > $1`
      while ((await once(servers.standby, asked, [since])).length === 0);
    },
    async stop() {
      for (const raw of raws) raw.destroy()
      // First of all the endpoints, so that no client waits for an answer that a failed test left it with.
      await Promise.all(endpoints.map((each) => each.stop()))
      await Promise.allSettled(clients.map((client) => client.end()))
      await servers.stop()
    },
  }
}

/** The rejection of a query, as data. */
export async function errorOf(query: Promise<unknown>): Promise<pg.DatabaseError> {
  const outcome = await query.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (outcome === undefined) throw new Error('the query succeeded')
  return outcome as pg.DatabaseError
}

/** A small table that many files test with. */
export const itemTable = 'CREATE TABLE item (id int PRIMARY KEY, name text)'
export const tenItems = 'TRUNCATE item; INSERT INTO item SELECT n FROM generate_series(1, 10) AS n'
export const noItems = 'TRUNCATE item'

export async function itemCount(rig: Rig): Promise<number> {
  return (await rig.onPrimary('SELECT count(*)::int AS n FROM item'))[0].n
}
