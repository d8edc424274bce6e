import { chown, writeFile } from 'node:fs/promises'

/** The user that PostgreSQL's programs run as; undefined means: as whoever runs this process. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/**
 * PostgreSQL refuses to run as root, so root lends it to nobody. That user must have an entry in the system's list of
 * users, and its number differs: 65534 on Linux, -2 on macOS.
 */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const nobody = process.platform === 'darwin' ? -2 : 65534
  return { uid: nobody, gid: nobody }
}

/** The number under which the file system knows the account's files. */
export function ownerOf(account: Account | undefined): number | undefined {
  return account === undefined ? process.getuid?.() : account.uid >>> 0
}

/** Gives a file or folder that we made to the account. */
export async function giveTo(account: Account | undefined, path: string): Promise<void> {
  if (account !== undefined) await chown(path, account.uid >>> 0, account.gid >>> 0)
}

/** Writes a small file that the account can read. */
export async function writeFor(account: Account | undefined, path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
  await giveTo(account, path)
}

/**
 * The environment for PostgreSQL's programs: without the caller's `PG…` variables, which would reach the standby's own
 * connection to the primary, and in the C locale, because we read the programs' messages.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name))
  return { ...Object.fromEntries(kept), LC_ALL: 'C' }
}
