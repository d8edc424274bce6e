import { EmulatorError } from '../emulator-error.ts'
import { openConnection, withConnection } from '../postgres/connect.ts'
import { received } from '../postgres/replication.ts'
import type { ServerAddress, ServerPair } from '../servers.ts'
import { readServerUrl, type ServerUrl } from './server-url.ts'

/** Which servers to stand in front of. */
export interface AttachOptions {
  readonly primaryUrl: string
  readonly standbyUrl: string
  readonly onProgress: (step: string) => void
}

/** The oldest that knows every function we ask for. */
const oldest = 13
const followTimeoutMs = 10_000

interface Seen {
  readonly standby: boolean
  readonly version: number
  readonly superuser: boolean
  /** Null where the user may not know it. */
  readonly system: string | null
}

/**
 * Stands in front of servers that run already, after a look at whether they are what they are said to be. Nothing is
 * written to them, and nothing is stopped in the end.
 *
 * @throws EmulatorError `EMULATOR_OPTIONS` for a wrong URL, `EMULATOR_ATTACH` for servers that are no pair
 */
export async function attachServers({
  primaryUrl,
  standbyUrl,
  onProgress,
}: AttachOptions): Promise<ServerPair> {
  const primary = readServerUrl(primaryUrl)
  const standby = readServerUrl(standbyUrl)
  const { user } = primary.address
  const { database } = primary
  if (standby.address.user !== user || standby.database !== database) {
    throw new EmulatorError(
      'EMULATOR_OPTIONS',
      `Option 'standbyUrl' is for user ${standby.address.user} and database ${standby.database}, 'primaryUrl' for ` +
        `${user} and ${database}; both must name the same user and the same database.`,
    )
  }
  onProgress(`Asking the primary at ${at(primary.address)} and the standby at ${at(standby.address)}`)
  const [one, two] = await Promise.all([look('primary', primary), look('standby', standby)])
  checkRoles(one, two, primary.address, standby.address)
  await checkFollows(primary, standby)
  if (!one.superuser) {
    onProgress(
      `${user} is no superuser: what needs one (replay lag, cutting the network, emptying databases of others) will be ` +
        `refused by the servers; reading and forwarding are not affected`,
    )
  }
  if (one.system === null || two.system === null) {
    onProgress(`${user} may not call pg_control_system(): that the two servers are a pair was not checked`)
  }
  return { primary: primary.address, standby: standby.address, user, database }
}

async function look(name: 'primary' | 'standby', { address, database }: ServerUrl): Promise<Seen> {
  const client = await openConnection(address, database).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException
    const what = /^(ECONN|EHOST|ENET|ENOTFOUND|EAI_|ETIMEDOUT)/.test(code ?? '')
      ? `The ${name} at ${at(address)} cannot be reached (${message || code}). Does it run, does it listen there ` +
        `(listen_addresses), and does nothing stand between?`
      : `The ${name} at ${at(address)} does not let user ${address.user} into database ${database}: ${message}`
    throw attachError(what, error)
  })
  try {
    const { rows } = await client.query<{
      standby: boolean
      version: number
      superuser: boolean
      control: boolean
    }>(
      `SELECT pg_is_in_recovery() AS standby, current_setting('server_version_num')::int / 10000 AS version,
              current_setting('is_superuser') = 'on' AS superuser,
              has_function_privilege('pg_control_system()', 'EXECUTE') AS control`,
    )
    const { control, ...seen } = rows[0]!
    if (!control) return { ...seen, system: null }
    const asked = await client.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    )
    return { ...seen, system: asked.rows[0]!.id }
  } finally {
    await client.end()
  }
}

function checkRoles(primary: Seen, standby: Seen, primaryAt: ServerAddress, standbyAt: ServerAddress): void {
  if (primary.version < oldest || standby.version < oldest) {
    throw attachError(
      `The primary is PostgreSQL ${primary.version}, the standby ${standby.version}; needed is ${oldest} or newer.`,
    )
  }
  if (primary.standby && !standby.standby) {
    throw attachError(
      `${at(primaryAt)} is the standby and ${at(standbyAt)} the primary: primaryUrl and standbyUrl are exchanged.`,
    )
  }
  if (primary.standby) throw attachError(`${at(primaryAt)} is in recovery: it is a standby, not a primary.`)
  if (!standby.standby)
    throw attachError(`${at(standbyAt)} is not in recovery: it is a primary, not a standby.`)
  if (primary.system !== null && standby.system !== null && primary.system !== standby.system) {
    throw attachError(
      `${at(standbyAt)} is a standby, but not of ${at(primaryAt)}: the system identifiers are ${standby.system} and ` +
        `${primary.system}.`,
    )
  }
}

async function checkFollows(primary: ServerUrl, standby: ServerUrl): Promise<void> {
  const pair = { primary: primary.address, standby: standby.address, database: primary.database }
  if (await received(pair, followTimeoutMs)) return
  const progress = await withConnection(
    standby.address,
    async (client) => {
      const { rows } = await client.query<{ lsn: string | null; state: string | null }>(
        `SELECT pg_last_wal_receive_lsn()::text AS lsn, (SELECT status FROM pg_stat_wal_receiver) AS state`,
      )
      return rows[0]!
    },
    standby.database,
  )
  throw attachError(
    `The standby at ${at(standby.address)} has not received within ${followTimeoutMs / 1000} s what the primary at ` +
      `${at(primary.address)} had written: it has come as far as ${progress.lsn ?? 'nothing'}, and its WAL receiver is ` +
      `${progress.state ?? 'not running'}. Look into the standby's log, and at primary_conninfo.`,
  )
}

const at = ({ host, port }: ServerAddress): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

const attachError = (message: string, cause?: unknown): EmulatorError =>
  new EmulatorError('EMULATOR_ATTACH', message, { cause })
