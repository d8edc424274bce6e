import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createSecureContext } from 'node:tls'
import { resolveProfile } from '@knex-flatten/sql-support'
import type { Assumptions } from '../assumptions/switches.ts'
import { Authority, type Credentials } from '../auth/authority.ts'
import { openBackend } from '../backend/open-backend.ts'
import { GlobalPoint } from '../consistency/global-point.ts'
import { CommitTrap } from '../faults/commit-trap.ts'
import { Faults, type LastingFault } from '../faults/faults.ts'
import { Slots } from '../faults/slots.ts'
import { WayToWriter } from '../faults/way-to-writer.ts'
import { ReplayTracker } from '../consistency/replay-tracker.ts'
import type { ServerPair } from '../servers.ts'
import type { EndpointState } from '../session/conversation.ts'
import { forwardDefaults, type ConsistencyMode } from '../settings/forward-settings.ts'
import { Planner, type Profile } from '../session/plan.ts'
import { fatal } from '../wire/error-response.ts'
import type { Admission } from './admission.ts'
import { CrossingCounter, type Crossings } from './crossings.ts'
import { Gate } from './gate.ts'
import { Opening } from './opening.ts'
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
  /** `apg_write_forward.max_forwarding_connections_percent` of the writer. Default 25. */
  readonly maxForwardingConnectionsPercent?: number
  /** With it, clients may ask for an encrypted connection. */
  readonly tls?: EndpointTls | undefined
  /** Whom to let in, after a SCRAM-SHA-256 exchange. Without it everybody is let in, in any name. */
  readonly auth?: Credentials | undefined
  /** How long a client may take to say who it is; PostgreSQL's setting and default of 60 s. */
  readonly authenticationTimeoutMs?: number
}

/** How an endpoint encrypts, in PEM. */
export interface EndpointTls {
  readonly key: string | Buffer
  /** The certificate, with those that lead to its root behind it. */
  readonly cert: string | Buffer
  /** Refuses connections that are not encrypted. Default false, as `host` in `pg_hba.conf` lets in both. */
  readonly required?: boolean | undefined
}

/** An endpoint at one moment. */
export interface EndpointStatus {
  /** Clients that are connected. */
  readonly sessions: number
  /** Since the start or the last reset. */
  readonly crossings: number
  /** Since the start or the last reset; no more than the last thousand. */
  readonly refusals: number
  /** Milliseconds added to each crossing. */
  readonly latencyMs: number
  /** Those that last until they are taken back. */
  readonly faults: readonly LastingFault[]
}

/** A reader that forwards: any PostgreSQL client may connect to it. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  /** In one database, or in all. */
  crossings(database?: string): Crossings
  /** What it refused, or let the standby refuse. */
  refusals(database?: string): readonly RefusedStatement[]
  /** Cheap enough to be asked several times a second. */
  status(): EndpointStatus
  readonly latency: { set(ms: number): void }
  /** The counters of one database, or of all, to zero. */
  resetCounters(database?: string): void
  readonly faults: Faults
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
  const { servers, profile, latencyMs, tls, auth } = options
  resolveProfile(profile)
  checkLatency(latencyMs)
  const trackerParameters = new Map([
    ['user', servers.user],
    ['database', servers.database],
    ['application_name', 'forwarding-reader'],
  ])
  const ignored = { notice: () => undefined, lost: () => undefined }
  const sessions = new SessionList()
  const gate = new Gate(servers, sessions)
  const tracker = new ReplayTracker(async () => {
    const standby = await openBackend('standby', servers.standby, trackerParameters, ignored)
    gate.pass(standby)
    return standby
  })
  servers.control?.onStandbyReady(() => tracker.reconnect())
  const way = new WayToWriter(servers, new Slots(options.maxForwardingConnectionsPercent ?? 25))
  const state: EndpointState = {
    planner: new Planner(profile),
    assumptions: options.assumptions,
    latency: { ms: latencyMs },
    crossings: new CrossingCounter(),
    refusals: new RefusalLog(),
    shadowing: new Map(),
    tracker,
    way,
    commitTrap: new CommitTrap(),
    globalPoint: new GlobalPoint(() => way.openUncounted(trackerParameters)),
    forwardDefaults: { ...forwardDefaults, consistency: options.consistency ?? forwardDefaults.consistency },
  }
  const faults = new Faults(servers, way, state.commitTrap, gate)
  const admission: Admission = {
    secureContext: tls && createSecureContext({ key: tls.key, cert: tls.cert }),
    encryptedOnly: tls?.required === true,
    authority: auth && (await Authority.of(auth)),
  }
  const connections = new Set<Opening>()
  // Keep-alive, as PostgreSQL has it on: a client whose machine has gone is not waited for for ever.
  const sockets = { noDelay: true, allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
  const server = createServer(sockets, (socket) => {
    const opening = new Opening(socket, options.authenticationTimeoutMs ?? 60_000)
    connections.add(opening)
    socket.on('close', () => connections.delete(opening))
    void welcome(opening, { servers, endpoint: state, sessions, admission, gate })
  })
  server.listen(options.port, options.host)
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo

  return {
    host: address,
    port,
    crossings: (database) => state.crossings.read(database),
    refusals: (database) => state.refusals.read(database),
    status: () => ({
      sessions: sessions.count,
      crossings: state.crossings.total,
      refusals: state.refusals.read().length,
      latencyMs: state.latency.ms,
      faults: faults.lasting,
    }),
    latency: {
      set: (ms) => {
        checkLatency(ms)
        state.latency.ms = ms
      },
    },
    resetCounters: (database) => {
      state.crossings.reset(database)
      state.refusals.reset(database)
    },
    faults,
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
      state.globalPoint.stop()
      // Frozen sessions could not say goodbye.
      way.heal()
      sessions.endAll(fatal('57P01', 'terminating connection: the forwarding reader was stopped'))
      for (const { socket } of connections) socket.destroySoon()
      await closed
    },
  }
}

function checkLatency(ms: number): void {
  if (Number.isFinite(ms) && ms >= 0) return
  throw new TypeError(`latencyMs is ${String(ms)}; allowed: a number of milliseconds, 0 or more`)
}
