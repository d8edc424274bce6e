import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'
import { startOfServer } from '../consistency/replay-tracker.ts'
import {
  forwardParameters,
  readValue,
  type ForwardParameter,
  type ParameterError,
} from './forward-parameters.ts'
import { status } from '../wire/message-types.ts'
import type { ConsistencyMode, ForwardSettings } from './forward-settings.ts'

/** What the emulator itself goes by, of all that a session can set. */
export interface SessionParameters {
  readonly forward: ForwardSettings
  /** How long a statement may take, waiting for the standby included; 0: for ever. */
  readonly statementTimeoutMs: number
  /** A transaction that does not say otherwise keeps the snapshot of its first statement. */
  readonly keepsSnapshot: boolean
  /** The values in the words of SHOW, by name. */
  readonly shown: ReadonlyMap<string, string>
  /** Differs after each start of the server. */
  readonly serverStart: string
}

const [consistency, connect, idleInTransaction, idle] = forwardParameters as unknown as readonly [
  ForwardParameter,
  ForwardParameter,
  ForwardParameter,
  ForwardParameter,
]
const timeout: ForwardParameter = {
  ...connect,
  name: 'statement_timeout',
  type: { kind: 'integer', unit: 'ms', max: 2_147_483_647 },
}
const tracked = [consistency, connect, idleInTransaction, idle, timeout]

const isolationLevel = 'default_transaction_isolation'

const query = `SELECT ${tracked.map(({ name }) => `pg_catalog.current_setting('${name}', true)`).join(', ')},
  pg_catalog.current_setting('${isolationLevel}'), ${startOfServer}`

/** The same for a transaction that is open: a SELECT would give it its snapshot, before the client's first statement does. */
const queryInside = [...tracked.map(({ name }) => name), isolationLevel]
  .map((name) => `SHOW ${name}`)
  .join('; ')

/** Names whose change is read back. */
export const trackedNames: ReadonlySet<string> = new Set([
  ...tracked.map(({ name }) => name),
  isolationLevel,
  'session characteristics',
])

/** A parameter that has a value which Aurora would not have taken. */
export interface BadParameter {
  readonly name: string
  readonly error: ParameterError
}

/**
 * Reads from a server what the session has set by now, whichever way it did so.
 *
 * @returns `bad` if a parameter has a value that is not allowed: then the default counts
 * @throws BackendLost
 */
export async function readParameters(
  server: Backend,
  defaults: ForwardSettings,
): Promise<SessionParameters & { readonly bad: BadParameter | undefined }> {
  const inside = server.status === status.open
  const answer = await inject(server, inside ? queryInside : query)
  const row = inside ? answer.rows.map(([value]) => value) : answer.row
  const isolation = row[tracked.length]
  let bad: BadParameter | undefined
  const shown = new Map<string, string>()
  const read = (index: number): { shown: string; number: number } | undefined => {
    const value = row[index]
    // A parameter that no server knows, as after RESET of one that was never in a configuration file.
    if (value == null || value === '') return undefined
    const { name } = tracked[index]!
    const result = readValue(tracked[index]!, value)
    if ('sqlstate' in result) {
      bad ??= { name, error: result }
      return undefined
    }
    shown.set(name, result.shown)
    return result
  }
  const seconds = read(1)?.number
  const forward: ForwardSettings = {
    consistency: (read(0)?.shown as ConsistencyMode | undefined) ?? defaults.consistency,
    connectTimeoutMs: seconds === undefined ? defaults.connectTimeoutMs : seconds * 1000,
    idleInTransactionSessionTimeoutMs: read(2)?.number ?? defaults.idleInTransactionSessionTimeoutMs,
    idleSessionTimeoutMs: read(3)?.number ?? defaults.idleSessionTimeoutMs,
  }
  return {
    forward,
    statementTimeoutMs: read(4)?.number ?? 0,
    keepsSnapshot: keepsSnapshot(isolation ?? ''),
    shown,
    serverStart: row[tracked.length + 1] ?? '',
    bad,
  }
}

/** Of the levels that a standby has: it gives no snapshot to a SERIALIZABLE transaction. */
export function keepsSnapshot(isolationLevel: string): boolean {
  return isolationLevel === 'repeatable read'
}
