import { execFile, type ExecFileException } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const workspace: string = fileURLToPath(new URL('../..', import.meta.url))

/** Every package that is published, by its folder under `packages/`. */
export const published = ['sql-support', 'knex-flatten', 'eslint-plugin', 'emulator'] as const

export interface CommandResult {
  readonly code: number
  readonly output: string
}

/** Runs a command to its end; what it printed on either stream comes back together. */
async function run(command: string, args: readonly string[], cwd: string): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      {
        cwd,
        maxBuffer: 1 << 26,
        env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, NODE_OPTIONS: '' },
      },
      (error: ExecFileException | null, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr })
      },
    )
  })
}

/** Runs a command that must succeed. */
export async function mustRun(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, output } = await run(command, args, cwd)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)
  return output
}

/** Packs published packages, by default all, as publishing would; the paths of the tarballs come back. */
export async function packAll(
  into: string,
  folders: readonly (typeof published)[number][] = published,
): Promise<string[]> {
  const { packageManager } = JSON.parse(await readFile(join(workspace, 'package.json'), 'utf8'))
  const tarballs: string[] = []
  for (const folder of folders) {
    const tarball = join(into, `${folder}.tgz`)
    await mustRun(
      'npx',
      ['--yes', packageManager, 'pack', '--out', tarball],
      join(workspace, 'packages', folder),
    )
    tarballs.push(tarball)
  }
  return tarballs
}

/** A user's project in a folder of its own, outside of the workspace, with these packages installed by npm. */
export class UserProject {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async create(packages: readonly string[]): Promise<UserProject> {
    const folder = await mkdtemp(join(tmpdir(), 'knex-flatten-user-'))
    const project = new UserProject(folder)
    await project.write('package.json', JSON.stringify({ name: 'shop', private: true, type: 'module' }))
    // How strict the workspace is with engines is in the environment of its tests; a user's npm only warns.
    const how = ['--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false']
    await mustRun('npm', ['install', ...how, ...packages], folder)
    return project
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(join(this.folder, name), text)
  }

  run(command: string, ...args: readonly string[]): Promise<CommandResult> {
    return run(command, args, this.folder)
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** The version of a dependency of one of our packages, by default of these tests, that the workspace is tested with. */
export function versionOf(name: string, owner = 'test'): string {
  const manifest = join(workspace, owner, 'node_modules', name, 'package.json')
  return `${name}@${(JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version}`
}
