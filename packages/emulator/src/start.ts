import { AddedReaders } from './added-readers.ts'
import { attachServers } from './attach/attach-servers.ts'
import { ReplayLag } from './consistency/replay-lag.ts'
import type { ForwardingReader } from './forwarding-reader.ts'
import { checkFree } from './listen-address.ts'
import { openReader } from './open-reader.ts'
import { checkValue } from './option-checks.ts'
import { readOptions, type ForwardingReaderOptions } from './options.ts'
import { startServers } from './postgres/start-servers.ts'
import { createDatabase } from './reset/create-database.ts'
import { readerDatabase, type ReaderDatabase } from './reset/reader-database.ts'
import { ResettableDatabase } from './reset/resettable-database.ts'
import { urlOf } from './server-urls.ts'
import type { ServerPair, Servers } from './servers.ts'

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
  const { pgBin, postgres, auth, attach, allowReset, lagMs, onProgress, ...behaviour } = readOptions(options)
  const { host, port, consistency } = behaviour
  await checkFree(host, port)
  const servers: ServerPair & Partial<Servers> = attach
    ? await attachServers({ ...attach, onProgress })
    : await startServers({ pgBin, postgres, auth, consistency, onProgress })
  const { endpoint, readerUrl, latency } = await openReader(servers, behaviour).catch(
    async (error: unknown) => {
      await servers.stop?.()
      throw error
    },
  )
  const added = new AddedReaders(servers, consistency)
  const lag = new ReplayLag(servers)
  let stopping: Promise<void> | undefined
  /** Servers that go on without us are left as they were. */
  const leave = async (): Promise<void> => {
    await Promise.all([endpoint.faults.healNetwork(), lag.release()])
  }
  const endAll = async (): Promise<void> => {
    await Promise.all([endpoint.stop(), added.stop()])
  }
  const stop = (): Promise<void> => (stopping ??= endAll().finally(() => servers.stop?.() ?? leave()))
  if (lagMs > 0) {
    await lag.set(lagMs).catch(async (error: unknown) => {
      await stop()
      throw error
    })
  }
  const contents = new ResettableDatabase(servers, servers.database, allowReset)
  const databases = new Map<string, ReaderDatabase>()
  const reader: ForwardingReader = {
    readerUrl,
    get primaryUrl() {
      return attach?.primaryUrl ?? urlOf(servers, servers.primary)
    },
    get standbyUrl() {
      return attach?.standbyUrl ?? urlOf(servers, servers.standby)
    },
    crossings: () => endpoint.crossings(),
    refusals: () => endpoint.refusals(),
    status: () => ({ ...endpoint.status(), lagMs: lag.asked.ms, lagPaused: lag.asked.paused }),
    latency,
    lag: {
      set: async (ms) => {
        checkValue('lagMs', ms)
        await lag.set(ms)
      },
      pause: () => lag.pause(),
      resume: () => lag.resume(),
      caughtUp: () => lag.caughtUp(),
    },
    faults: endpoint.faults,
    snapshot: () => contents.snapshot(),
    async reset(how) {
      contents.mustBeOurs()
      // A test that has failed may have left one of the servers on its way down or up.
      await servers.control?.settled()
      await endpoint.faults.heal()
      // What is reset is awaited on the standby.
      await lag.end()
      await contents.reset(how)
      if (lagMs > 0) await lag.set(lagMs)
      endpoint.reset()
      added.reset()
    },
    async database(name, { from } = {}) {
      const known = databases.get(name)
      if (known) return known
      await createDatabase(servers, name, from)
      const database = readerDatabase(name, servers, endpoint, {
        urls: () => reader,
        caughtUp: () => lag.caughtUp(),
        dropped: () => databases.delete(name),
      })
      databases.set(name, database)
      return database
    },
    addReader: (how = {}) => added.add(how),
    stop,
  }
  return reader
}
