import { join } from 'node:path'
import { EmulatorError } from '../emulator-error.ts'
import type { ServerAddress, Servers } from '../servers.ts'
import { serverAccount } from './account.ts'
import { findBinaries, type BinariesWanted } from './binaries.ts'
import {
  configurePrimary,
  configureStandby,
  copyCluster,
  createPrimary,
  database,
  superuser,
  type Preparation,
} from './cluster.ts'
import { createDataFolder, removeLeftovers, type ServerName } from './data-folder.ts'
import { freePorts } from './free-port.ts'
import { rowArrives } from './replication.ts'
import { logTail, PortTakenError, startServer, type Server } from './server.ts'
import { Watchdog } from './watchdog.ts'

/** How to start a primary and its standby. */
export interface StartServersOptions extends BinariesWanted {
  /** Hears what is being done, in words for a person. */
  readonly onProgress?: ((step: string) => void) | undefined
}

/** The servers, and what only this side of the house needs to know of them. */
export interface LocalServers extends Servers {
  /** `16.14`, say. */
  readonly version: string
  /** Holds `primary/` and `standby/`, each with its `server.log`. Gone after `stop()`. */
  readonly folder: string
}

const portAttempts = 5
const replicationTimeoutMs = 30_000

/**
 * Starts a primary and a streaming standby on the loopback, on ports of the system's choice, and waits until a row written
 * on the one is seen on the other.
 *
 * @throws EmulatorError `EMULATOR_BINARIES` or `EMULATOR_START`; nothing is left running or on disk then
 */
export async function startServers(options: StartServersOptions = {}): Promise<LocalServers> {
  const report = options.onProgress ?? (() => undefined)
  const account = serverAccount()
  const binaries = await findBinaries(options, account)
  for (const folder of await removeLeftovers(account))
    report(`Removed ${folder}, left behind by a killed run`)
  const folder = await createDataFolder(account)
  const run = new Run(folder, { binaries, account, watchdog: new Watchdog(folder) }, report)
  try {
    report(`Creating a PostgreSQL ${binaries.version} cluster and its copy`)
    await run.prepare()
    const { primary, standby } = await run.start()
    report('Waiting for the first row to reach the standby')
    if (!(await rowArrives({ primary, standby }, replicationTimeoutMs))) throw await run.notFollowing()
    return {
      primary,
      standby,
      user: superuser,
      database,
      version: binaries.version,
      folder,
      stop: () => run.stop(),
    }
  } catch (error) {
    // What is left, if anything, matters less than why.
    await run.stop().catch(() => undefined)
    throw error
  }
}

class Run {
  readonly #folder: string
  readonly #preparation: Preparation
  readonly #report: (step: string) => void
  readonly #servers = new Set<Server>()
  #stopping: Promise<void> | undefined

  constructor(folder: string, preparation: Preparation, report: (step: string) => void) {
    this.#folder = folder
    this.#preparation = preparation
    this.#report = report
  }

  async prepare(): Promise<void> {
    await createPrimary(this.#data('primary'), this.#preparation)
    await copyCluster(this.#data('primary'), this.#data('standby'), this.#preparation)
  }

  /** Another program may take a port between our choice and the server's start: then both move to others. */
  async start(): Promise<{ primary: ServerAddress; standby: ServerAddress }> {
    for (let attempt = 1; ; attempt++) {
      const [primaryPort, standbyPort] = (await freePorts(2)) as [number, number]
      const { account } = this.#preparation
      await configurePrimary(this.#data('primary'), primaryPort, account)
      await configureStandby(this.#data('standby'), standbyPort, primaryPort, account)
      try {
        this.#report('Starting the primary')
        await this.#launch('primary')
        this.#report('Starting the standby')
        await this.#launch('standby')
        return { primary: loopback(primaryPort), standby: loopback(standbyPort) }
      } catch (error) {
        if (!(error instanceof PortTakenError)) throw error
        if (attempt === portAttempts) {
          throw new EmulatorError(
            'EMULATOR_START',
            `No free port on 127.0.0.1 after ${portAttempts} attempts.`,
          )
        }
        await this.#endServers()
      }
    }
  }

  async notFollowing(): Promise<EmulatorError> {
    const [primary, standby] = await Promise.all([
      logTail(this.#data('primary')),
      logTail(this.#data('standby')),
    ])
    return new EmulatorError(
      'EMULATOR_START',
      `A row written on the primary did not reach the standby within ${replicationTimeoutMs / 1000} s.\n` +
        `The primary's log ends:\n${primary}\nThe standby's log ends:\n${standby}`,
    )
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#preparation.watchdog.finish())
  }

  async #launch(name: ServerName): Promise<void> {
    const { watchdog, account, binaries } = this.#preparation
    const data = this.#data(name)
    let pid: number | undefined
    const onSpawn = (spawned: number): void => watchdog.watch((pid = spawned))
    try {
      const server = await startServer({ name, postgres: binaries.postgres, data, account, onSpawn })
      this.#servers.add(server)
      void server.exited.then(async (code) => {
        watchdog.unwatch(server.pid)
        const unexpected = this.#servers.delete(server) && this.#stopping === undefined
        if (unexpected) {
          this.#report(`The ${name} has ended (${code}). Its log ends:\n${await logTail(data)}`)
        }
      })
    } catch (error) {
      if (error instanceof PortTakenError && pid !== undefined) watchdog.unwatch(pid)
      throw error
    }
  }

  async #endServers(): Promise<void> {
    const ending = [...this.#servers]
    this.#servers.clear()
    for (const { pid } of ending) process.kill(pid, 'SIGQUIT')
    await Promise.all(ending.map(({ exited }) => exited))
  }

  #data(name: ServerName): string {
    return join(this.#folder, name)
  }
}

const loopback = (port: number): ServerAddress => ({ host: '127.0.0.1', port })
