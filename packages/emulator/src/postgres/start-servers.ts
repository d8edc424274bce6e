import { installAurora } from '../aurora/install.ts'
import type { Credentials } from '../auth/authority.ts'
import { EmulatorError } from '../emulator-error.ts'
import type { Servers } from '../servers.ts'
import { serverAccount } from './account.ts'
import { findBinaries, type BinariesWanted } from './binaries.ts'
import { database, superuser } from './cluster.ts'
import { createDataFolder, removeLeftovers } from './data-folder.ts'
import { LocalPair } from './local-pair.ts'
import { forwardDefaults, type ConsistencyMode } from '../settings/forward-settings.ts'
import { PairControl } from './pair-control.ts'
import { rowArrives } from './replication.ts'
import { Watchdog } from './watchdog.ts'

/** How to start a primary and its standby. */
export interface StartServersOptions extends BinariesWanted {
  /** The superuser that exists, and its password. Default: `postgres`, and nobody is asked for one. */
  readonly auth?: Credentials | undefined
  /** What `apg_write_forward.consistency_mode` is on both until somebody sets it. Default `session`. */
  readonly consistency?: ConsistencyMode | undefined
  /** Hears what is being done, in words for a person. */
  readonly onProgress?: ((step: string) => void) | undefined
}

/** The servers, and what only this side of the house needs to know of them. */
export interface LocalServers extends Servers {
  /** `16.14`, say. */
  readonly version: string
  /** Holds `primary/` and `standby/`, named for the roles they began with, each with its `server.log`. Gone after `stop()`. */
  readonly folder: string
}

const replicationTimeoutMs = 30_000

/**
 * Starts a primary and a streaming standby on the loopback, on ports of the system's choice, and waits until a row written
 * on the one is seen on the other.
 *
 * @throws EmulatorError `EMULATOR_BINARIES` or `EMULATOR_START`; nothing is left running or on disk then
 */
export async function startServers(options: StartServersOptions = {}): Promise<LocalServers> {
  const { consistency = forwardDefaults.consistency } = options
  const report = options.onProgress ?? (() => undefined)
  const account = serverAccount()
  const binaries = await findBinaries(options, account)
  for (const folder of await removeLeftovers(account))
    report(`Removed ${folder}, left behind by a killed run`)
  const folder = await createDataFolder(account)
  const { auth } = options
  const watchdog = new Watchdog(folder)
  const pair = new LocalPair(folder, { binaries, account, auth, watchdog, consistency }, report)
  try {
    report(`Creating a PostgreSQL ${binaries.version} cluster and its copy`)
    await pair.prepare()
    await pair.start()
    await installAurora(pair.primary.address, ['template1', database])
    report('Waiting for the first row to reach the standby')
    const addresses = { primary: pair.primary.address, standby: pair.standby.address }
    if (!(await rowArrives(addresses, replicationTimeoutMs))) {
      const what = `A row written on the primary did not reach the standby within ${replicationTimeoutMs / 1000} s.`
      throw new EmulatorError('EMULATOR_START', `${what}\n${await pair.logTails()}`)
    }
    return {
      get primary() {
        return pair.primary.address
      },
      get standby() {
        return pair.standby.address
      },
      control: new PairControl(pair),
      configuredConsistency: consistency,
      user: auth?.user ?? superuser,
      database,
      version: binaries.version,
      folder,
      stop: () => pair.stop(),
    }
  } catch (error) {
    // What is left, if anything, matters less than why.
    await pair.stop().catch(() => undefined)
    throw error
  }
}
