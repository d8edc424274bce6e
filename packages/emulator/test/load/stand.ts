import pg from 'pg'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { assume } from '../../src/assumptions/assumptions.ts'
import { startEndpoint, type Endpoint, type EndpointOptions } from '../../src/endpoint/endpoint.ts'
import { startServers } from '../../src/postgres/start-servers.ts'
import type { ServerAddress } from '../../src/servers.ts'

/** Servers and endpoints for a long run outside the test runner, and what such a run looks at. */
export interface Stand {
  readonly endpoints: readonly Endpoint[]
  /** Of clients whose sessions are to be told from others. */
  readonly login: { readonly user: string; readonly database: string; readonly application_name: string }
  onPrimary(sql: string): Promise<any[]>
  onStandby(sql: string): Promise<any[]>
  /** How many sessions of this application are left on both servers, after waiting up to so long for there to be none. */
  sessionsLeft(application: string, waitMs: number): Promise<number>
  stop(): Promise<void>
}

export async function startStand(...endpoints: readonly Partial<EndpointOptions>[]): Promise<Stand> {
  const servers = await startServers()
  const started = await Promise.all(
    endpoints.map((options) =>
      startEndpoint({
        servers,
        host: '127.0.0.1',
        port: 0,
        latencyMs: 0,
        ...assume('aws-local', undefined),
        ...options,
      }),
    ),
  )
  const ask = async ({ host, port }: ServerAddress, sql: string): Promise<any[]> => {
    const client = new pg.Client({ host, port, user: servers.user, database: servers.database })
    await client.connect()
    try {
      return [await client.query(sql)].flat().at(-1)!.rows
    } finally {
      await client.end()
    }
  }
  const onPrimary = (sql: string) => ask(servers.primary, sql)
  const onStandby = (sql: string) => ask(servers.standby, sql)
  return {
    endpoints: started,
    login: { user: servers.user, database: servers.database, application_name: 'load' },
    onPrimary,
    onStandby,
    async sessionsLeft(application, waitMs) {
      const count = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = '${application}'`
      for (const until = Date.now() + waitMs; ;) {
        const found = [...(await onPrimary(count)), ...(await onStandby(count))] as { n: number }[]
        const left = found.reduce((sum, { n }) => sum + n, 0)
        if (left === 0 || Date.now() > until) return left
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    },
    async stop() {
      await Promise.all(started.map((endpoint) => endpoint.stop()))
      await servers.stop()
    },
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Megabytes in use, garbage collected first. */
export function memory(): { heap: number; buffers: number; rss: number } {
  collect()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10
  return { heap: megabytes(heapUsed), buffers: megabytes(arrayBuffers), rss: megabytes(rss) }
}

/** Connections of this process that are open, on either side. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /^(TCP|Pipe)SocketWrap$/.test(name)).length
}
