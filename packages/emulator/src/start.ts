import { attachServers } from './attach/attach-servers.ts'
import { ReplayLag } from './consistency/replay-lag.ts'
import { EmulatorError } from './emulator-error.ts'
import { startEndpoint } from './endpoint/endpoint.ts'
import type { Crossings } from './endpoint/crossings.ts'
import type { RefusedStatement } from './endpoint/refusals.ts'
import { checkFree, listenError } from './listen-address.ts'
import { checkValue } from './option-checks.ts'
import { readOptions, type ForwardingReaderOptions } from './options.ts'
import { emptyDatabase } from './postgres/empty-database.ts'
import { startServers } from './postgres/start-servers.ts'
import type { ServerAddress, ServerPair, Servers } from './servers.ts'

/** A running primary, its standby, and the reader endpoint in front of both. */
export interface ForwardingReader {
  /** Where the application connects: reads run on the standby, writes are forwarded to the primary. */
  readonly readerUrl: string
  /** The primary itself, as on Aurora the writer endpoint; after a switchover, the server that is the primary then. */
  readonly primaryUrl: string
  /** The standby itself: a plain reader that forwards nothing. */
  readonly standbyUrl: string
  /** What has crossed from the reader to the primary since the start or the last {@link ForwardingReader.reset}. */
  crossings(): Crossings
  /** What the reader has refused since the start or the last {@link ForwardingReader.reset}. */
  refusals(): readonly RefusedStatement[]
  readonly latency: {
    /**
     * Adds `ms` milliseconds to each crossing from now on.
     *
     * @throws EmulatorError `EMULATOR_OPTIONS` for anything but a number from 0 to 60000
     */
    set(ms: number): void
  }
  /** How far the standby is behind. Each change is in force when its promise resolves. */
  readonly lag: {
    /**
     * Shows each commit on the standby no earlier than `ms` milliseconds after it was made on the primary.
     *
     * @throws EmulatorError `EMULATOR_OPTIONS` for anything but a whole number from 0 to 60000
     */
    set(ms: number): Promise<void>
    /** The standby shows nothing new until {@link ForwardingReader.lag | lag}`.resume()`. */
    pause(): Promise<void>
    /** The standby goes on, with the delay that was set; harmless if it was not paused. */
    resume(): Promise<void>
    /**
     * Resolves when the standby shows all that the primary has committed by now.
     *
     * @throws EmulatorError `EMULATOR_LAG` while the standby is paused
     */
    caughtUp(): Promise<void>
  }
  /**
   * Empties the database on both servers, sets the counters to zero, and latency and lag to what they were at the start. Idle
   * connections, roles and other databases stay; a session that holds a lock on a table is ended.
   *
   * @throws EmulatorError `EMULATOR_ATTACH` on servers that ran already, unless option `allowReset` is true
   */
  reset(): Promise<void>
  /**
   * Ends the endpoint's sessions, then both servers, and removes their data; servers that ran already go on. Safe to call
   * twice.
   *
   * @throws EmulatorError `EMULATOR_STOP` if something is left
   */
  stop(): Promise<void>
}

/**
 * Starts a real primary, a real standby that streams from it, and in front of them an endpoint that behaves like an Aurora
 * reader with write forwarding. If this process ends without {@link ForwardingReader.stop}, even by SIGKILL, the servers
 * end too.
 *
 * @throws EmulatorError with a `code`: a wrong option, missing binaries, a port in use, a server that does not come up
 *
 * @example
 * const reader = await startForwardingReader({ latencyMs: 80 })
 * const db = knex({ client: 'pg', connection: reader.readerUrl })
 */
export async function startForwardingReader(
  options: ForwardingReaderOptions = {},
): Promise<ForwardingReader> {
  const { pgBin, postgres, attach, allowReset, lagMs, onProgress, ...behaviour } = readOptions(options)
  const { host, port } = behaviour
  await checkFree(host, port)
  const servers: ServerPair & Partial<Servers> = attach
    ? await attachServers({ ...attach, onProgress })
    : await startServers({ pgBin, postgres, onProgress })
  const endpoint = await startEndpoint({ servers, ...behaviour }).catch(async (error: unknown) => {
    await servers.stop?.()
    throw listenError(error, host, port)
  })
  const lag = new ReplayLag(servers)
  if (lagMs > 0) await lag.set(lagMs)
  let stopping: Promise<void> | undefined
  return {
    readerUrl: urlOf(servers, { host, port: endpoint.port }),
    get primaryUrl() {
      return attach?.primaryUrl ?? urlOf(servers, servers.primary)
    },
    get standbyUrl() {
      return attach?.standbyUrl ?? urlOf(servers, servers.standby)
    },
    crossings: () => endpoint.crossings(),
    refusals: () => endpoint.refusals(),
    latency: {
      set: (ms) => {
        checkValue('latencyMs', ms)
        endpoint.latency.set(ms)
      },
    },
    lag: {
      set: async (ms) => {
        checkValue('lagMs', ms)
        await lag.set(ms)
      },
      pause: () => lag.pause(),
      resume: () => lag.resume(),
      caughtUp: () => lag.caughtUp(),
    },
    async reset() {
      if (!allowReset) throw notOurs(servers)
      await lag.resume()
      await lag.set(0)
      await emptyDatabase(servers)
      await lag.set(lagMs)
      endpoint.reset()
    },
    stop: () => (stopping ??= endpoint.stop().finally(() => (servers.stop ? servers.stop() : lag.release()))),
  }
}

function notOurs({ database, primary }: ServerPair): EmulatorError {
  return new EmulatorError(
    'EMULATOR_ATTACH',
    `reset() drops everything in database ${database} on ${primary.host}:${primary.port}, which ran before the reader did. ` +
      `Nothing was dropped. If it may, start the reader with allowReset: true.`,
  )
}

/** An endpoint that listens everywhere is reached by the loopback. */
function urlOf({ user, database }: ServerPair, { host, port }: ServerAddress): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `postgres://${user}@${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/${database}`
}
