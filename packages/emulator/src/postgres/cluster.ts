import { appendFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { instanceNames } from '../aurora/functions.ts'
import type { Credentials } from '../auth/authority.ts'
import { verifierOf, verifierText } from '../auth/scram.ts'
import { EmulatorError } from '../emulator-error.ts'
import { forwardParameters } from '../settings/forward-parameters.ts'
import type { ConsistencyMode } from '../settings/forward-settings.ts'
import { writeFor, type Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { runProgram, type ProgramResult } from './run-program.ts'
import type { Watchdog } from './watchdog.ts'

/** The superuser that initdb creates where nobody else is to log in, and the database that exists from the start. */
export const superuser = 'postgres'
export const database = 'postgres'

/** What preparing a cluster needs to know. */
export interface Preparation {
  readonly binaries: Binaries
  readonly account: Account | undefined
  readonly watchdog: Watchdog
  /** The superuser and its password, which the servers ask for. Without it they let in everybody. */
  readonly auth?: Credentials | undefined
  /** What `apg_write_forward.consistency_mode` is by default. */
  readonly consistency: ConsistencyMode
}

/** Creates the primary's data folder. @throws EmulatorError `EMULATOR_START` with what initdb said */
export async function createPrimary(data: string, preparation: Preparation): Promise<void> {
  // Byte order as in C on every machine, but upper() and ILIKE should know letters beyond ASCII where the system does.
  const unicode = process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8'
  let result = await initdb(data, unicode, preparation)
  if (result.code !== 0 && /locale/.test(result.output)) {
    await rm(data, { recursive: true, force: true })
    result = await initdb(data, 'C', preparation)
  }
  if (result.code !== 0) {
    const hint = /Permission denied/.test(result.output)
      ? ' Set TMPDIR to a folder that every user can reach.'
      : ''
    throw new EmulatorError(
      'EMULATOR_START',
      `initdb could not create a database cluster in ${data} (${result.code}): ${result.output}${hint}`,
    )
  }
  await appendFile(join(data, 'postgresql.conf'), "\ninclude 'emulator.conf'\n")
}

async function initdb(data: string, ctype: string, preparation: Preparation): Promise<ProgramResult> {
  const { account, auth, binaries } = preparation
  const passwordFile = join(dirname(data), 'password')
  // The password itself would be seen in whatever initdb says when it fails.
  if (auth) await writeFor(account, passwordFile, verifierText(await verifierOf(auth.password)))
  const args = [
    '-D',
    data,
    '-U',
    auth?.user ?? superuser,
    ...(auth ? ['-A', 'scram-sha-256', `--pwfile=${passwordFile}`] : ['-A', 'trust']),
    '-E',
    'UTF8',
    '--locale=C',
    `--lc-ctype=${ctype}`,
    '--no-sync',
  ]
  return watched(binaries.initdb, args, preparation).finally(() => rm(passwordFile, { force: true }))
}

/** Copies a cluster that has never run. @throws EmulatorError `EMULATOR_START` with what went wrong */
export async function copyCluster(from: string, to: string, preparation: Preparation): Promise<void> {
  const { code, output } = await watched('cp', ['-R', from, to], preparation)
  if (code !== 0)
    throw new EmulatorError('EMULATOR_START', `Copying ${from} to ${to} failed (${code}): ${output}`)
}

async function watched(
  file: string,
  args: string[],
  { account, watchdog }: Preparation,
): Promise<ProgramResult> {
  let started: number | undefined
  const result = await runProgram(file, args, account, (pid) => watchdog.watch((started = pid)))
  if (started !== undefined) watchdog.unwatch(started)
  return result
}

/** What a primary and a standby that is its copy have in common. */
export const pairSettings: Readonly<Record<string, string | number>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  max_wal_senders: 10,
  wal_level: 'replica',
  wal_keep_size: '512MB',
  hot_standby: 'on',
  hot_standby_feedback: 'on',
  max_standby_archive_delay: -1,
  max_standby_streaming_delay: -1,
  wal_receiver_status_interval: '1s',
  wal_retrieve_retry_interval: '50ms',
  // Nothing here has to survive the machine's crash, only a server's.
  fsync: 'off',
  log_checkpoints: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/** Writes what the primary adds to initdb's defaults; a file, so that ALTER SYSTEM still has the last word. */
export function configurePrimary(data: string, port: number, preparation: Preparation): Promise<void> {
  const settings = { ...pairSettings, ...identity(data, preparation), port }
  return writeFor(preparation.account, join(data, 'emulator.conf'), asConfiguration(settings))
}

/** Writes what makes a copy the standby of the primary at `primaryPort`. */
export async function configureStandby(
  data: string,
  port: number,
  primaryPort: number,
  preparation: Preparation,
): Promise<void> {
  const { account, auth } = preparation
  const login = Object.entries<string>({ ...(auth ?? { user: superuser }) })
  const conninfo =
    `host=127.0.0.1 port=${primaryPort} ${login.map(([name, value]) => `${name}=${inConninfo(value)}`).join(' ')} ` +
    `application_name=standby sslmode=disable gssencmode=disable`
  await writeFor(account, join(data, 'standby.signal'), '')
  const settings = { ...pairSettings, ...identity(data, preparation), port, primary_conninfo: conninfo }
  await writeFor(account, join(data, 'emulator.conf'), asConfiguration(settings))
}

/** An instance keeps its name when the roles change; the parameters are Aurora's, so that they can be set as any other. */
function identity(data: string, { consistency }: Preparation): Readonly<Record<string, string>> {
  const forwarding = forwardParameters.map(({ name, type, defaultValue }) => [
    name,
    type.kind === 'enum' ? consistency : defaultValue,
  ])
  return {
    cluster_name: basename(data) === 'primary' ? instanceNames[0] : instanceNames[1],
    ...(Object.fromEntries(forwarding) as Record<string, string>),
  }
}

/** As lines of postgresql.conf. */
export function asConfiguration(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${String(value).replaceAll('\\', '\\\\').replaceAll("'", "''")}'\n`)
    .join('')
}

const inConninfo = (value: string): string => `'${value.replaceAll(/['\\]/g, '\\$&')}'`
