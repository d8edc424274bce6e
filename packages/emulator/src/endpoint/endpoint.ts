import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { resolveProfile } from '@knex-flatten/sql-support'
import type { Assumptions } from '../assumptions/switches.ts'
import { openBackend } from '../backend/open-backend.ts'
import { ReplayTracker } from '../consistency/replay-tracker.ts'
import type { ServerPair } from '../servers.ts'
import type { EndpointState } from '../session/conversation.ts'
import { forwardDefaults, type ConsistencyMode } from '../session/forward-settings.ts'
import { Planner, type Profile } from '../session/plan.ts'
import { fatal } from '../session/session.ts'
import { CrossingCounter, type Crossings } from './crossings.ts'
import { RefusalLog, type RefusedStatement } from './refusals.ts'
import { SessionList } from './session-list.ts'
import { welcome } from './welcome.ts'

/** What a forwarding endpoint stands in front of, and how it behaves. */
export interface EndpointOptions {
  /** Asked anew for each session, because roles may change. */
  readonly servers: ServerPair
  /** Where it listens. */
  readonly host: string
  /** 0: the system chooses. */
  readonly port: number
  /** Which statements are forwarded and which refused. */
  readonly profile: Profile
  /** What is taken to be so where nobody knows. */
  readonly assumptions: Assumptions
  /** What a session's reads wait for until it sets `apg_write_forward.consistency_mode`. Default `session`. */
  readonly consistency?: ConsistencyMode
  /** Milliseconds added to each crossing. */
  readonly latencyMs: number
}

/** A reader that forwards: any PostgreSQL client may connect to it. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  crossings(): Crossings
  /** What it refused, or let the standby refuse. */
  refusals(): readonly RefusedStatement[]
  readonly latency: { set(ms: number): void }
  /** Counters to zero, latency back to where it began; sessions go on. */
  reset(): void
  /** Ends all sessions and stops listening. */
  stop(): Promise<void>
}

/**
 * Listens for clients, each of which gets a session on the standby, and on the primary from its first write on.
 *
 * @throws an Error with code `EADDRINUSE` if the port is taken, a TypeError if the profile is not one.
 */
export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { servers, profile, latencyMs } = options
  resolveProfile(profile)
  checkLatency(latencyMs)
  const trackerParameters = new Map([
    ['user', servers.user],
    ['database', servers.database],
    ['application_name', 'forwarding-reader'],
  ])
  const ignored = { notice: () => undefined, lost: () => undefined }
  const tracker = new ReplayTracker(() => openBackend('standby', servers.standby, trackerParameters, ignored))
  const state: EndpointState = {
    planner: new Planner(profile),
    assumptions: options.assumptions,
    latency: { ms: latencyMs },
    crossings: new CrossingCounter(),
    refusals: new RefusalLog(),
    tracker,
    forwardDefaults: { ...forwardDefaults, consistency: options.consistency ?? forwardDefaults.consistency },
  }
  const sessions = new SessionList()
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    void welcome(socket, servers, state, sessions)
  })
  server.listen(options.port, options.host)
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo

  return {
    host: address,
    port,
    crossings: () => state.crossings.read(),
    refusals: () => state.refusals.read(),
    latency: {
      set: (ms) => {
        checkLatency(ms)
        state.latency.ms = ms
      },
    },
    reset: () => {
      state.crossings.reset()
      state.refusals.reset()
      state.latency.ms = latencyMs
    },
    stop: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      tracker.stop()
      sessions.endAll(fatal('57P01', 'terminating connection: the forwarding reader was stopped'))
      for (const socket of sockets) socket.destroySoon()
      await closed
    },
  }
}

function checkLatency(ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return
  throw new TypeError(`latencyMs is ${String(ms)}; allowed: a number of milliseconds, 0 or more`)
}
