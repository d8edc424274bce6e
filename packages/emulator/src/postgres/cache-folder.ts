import { randomUUID } from 'node:crypto'
import { chmod, lstat, mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Account } from './account.ts'
import { runProgram } from './run-program.ts'

/** Root's home is closed to the account that its servers run as, so root's copies go to the system's cache. */
export function cacheFolder(account: Account | undefined): string {
  const darwin = process.platform === 'darwin'
  const system = darwin ? '/Library/Caches' : '/var/cache'
  const personal = darwin ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache')
  return join(
    process.env['XDG_CACHE_HOME'] ?? (account === undefined ? personal : system),
    'forwarding-reader',
  )
}

/**
 * Makes a folder in the cache appear whole or not at all, although several processes may make it at the same time.
 *
 * @param fill gets the name of a folder to write, which becomes `folder`, readable by everybody
 */
export async function publishFolder(folder: string, fill: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${folder}.${randomUUID()}`
  try {
    await mkdir(dirname(folder), { recursive: true })
    // Said again, because our umask may have closed it and another user has to get through.
    await chmod(dirname(folder), 0o755)
    await fill(partial)
    await mustRun('chmod', '-R', 'u+rwX,go+rX', partial)
    await rename(partial, folder)
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined)
    if (!(await exists(folder))) throw error
  }
}

/** @throws Error with what the program wrote */
export async function mustRun(program: string, ...args: string[]): Promise<void> {
  const { code, output } = await runProgram(program, args)
  if (code !== 0) throw new Error(output || `${program} ended with ${code}`)
}

export const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )
