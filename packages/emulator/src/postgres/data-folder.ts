import { lstat, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { giveTo, ownerOf, type Account } from './account.ts'

const prefix = 'forwarding-reader-'
/** While a run that began so short a time ago may not have opened its sign of life yet. */
const settlingMs = 60_000

export type ServerName = 'primary' | 'standby'

/** The socket in a data folder on which the run's watchdog listens for as long as it lives. */
const signOfLife = (folder: string): string => join(folder, 'alive')

/** Makes a new folder for one run's servers, closed to everybody but the account they run as. */
export async function createDataFolder(account: Account | undefined): Promise<string> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), prefix))
  await giveTo(account, folder)
  return folder
}

/**
 * Removes the folders of runs that were killed together with their watchdog: those of the same user that no watchdog and
 * no server uses any more.
 *
 * @returns the folders removed
 */
export async function removeLeftovers(account: Account | undefined): Promise<string[]> {
  const root = await realpath(tmpdir())
  const removed: string[] = []
  for (const name of await readdir(root)) {
    if (!name.startsWith(prefix)) continue
    const folder = join(root, name)
    try {
      const { uid } = await lstat(folder)
      if (uid !== ownerOf(account) || (await isInUse(folder))) continue
      await rm(folder, { recursive: true, force: true })
      removed.push(folder)
    } catch {
      // Gone meanwhile, or not ours to look into: nothing to clean here.
    }
  }
  return removed
}

async function isInUse(folder: string): Promise<boolean> {
  const watchdog = await answers({ path: signOfLife(folder) })
  if (watchdog === 'yes') return true
  const { mtimeMs } = await lstat(folder)
  if (watchdog === 'absent' && Date.now() - mtimeMs < settlingMs) return true
  for (const name of ['primary', 'standby'] as const) {
    const lock = await readFile(join(folder, name, 'postmaster.pid'), 'utf8').catch(() => '')
    const [pid, , , port] = lock.split('\n').map(Number)
    // The process id alone may long be another program's, after a reboot or in another container.
    if (pid && port && isAlive(pid) && (await answers({ host: '127.0.0.1', port })) === 'yes') return true
  }
  return false
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function answers(
  target: { path: string } | { host: string; port: number },
): Promise<'yes' | 'no' | 'absent'> {
  return new Promise((resolve) => {
    const socket = connect(target, () => {
      socket.destroy()
      resolve('yes')
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ENOENT' ? 'absent' : 'no'))
  })
}
