import { TransactionOptionsError } from '../errors/errors.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { Connection } from './internals.ts'
import { isRoleFresh, learnRole, MODE, noteMode, readerSessionOf } from './server-role.ts'

/**
 * Puts the session behind a connection into a mode, or back into its own: to be called outside of a transaction, for nobody has published what
 * becomes of it inside one. A writer has no mode, it shows everything at once.
 *
 * @throws TransactionOptionsError where a mode is asked of a reader that has none: any PostgreSQL would take the parameter and do nothing.
 */
export async function enterMode(connection: Connection, wanted: ConsistencyMode | undefined): Promise<void> {
  await learnRole(connection)
  const session = readerSessionOf(connection)
  const mode = wanted ?? session?.own
  if (!session || mode === undefined || mode === session.mode) return
  if (session.own === undefined) throw noSuchMode(mode)
  await connection.query(`SET ${MODE} = '${mode}'`)
  noteMode(connection, mode)
}

/** A connection fresh out of a pool, once its server was asked what it is and its session is in its mode; given back where it cannot be. */
export function inMode(
  connection: Connection,
  wanted: ConsistencyMode | undefined,
  giveBack: (connection: Connection) => Promise<unknown>,
): Connection | Promise<Connection> {
  if (isRoleFresh(connection) && isInMode(connection, wanted)) return connection
  return enterMode(connection, wanted).then(
    () => connection,
    async (error: unknown) => {
      await giveBack(connection)
      throw error
    },
  )
}

/** Puts a session back where it was; one that cannot be is closed instead of lent again. */
export async function leaveMode(connection: Connection, wanted: ConsistencyMode | undefined): Promise<void> {
  try {
    await enterMode(connection, wanted)
  } catch (error) {
    connection.__knex__disposed ??= error
  }
}

/** Whether a session has the mode that is wanted of it, or none because it is a writer's. */
export function isInMode(connection: Connection, wanted: ConsistencyMode | undefined): boolean {
  const session = readerSessionOf(connection)
  return session === undefined || (wanted ?? session.own) === session.mode
}

function noSuchMode(mode: ConsistencyMode): TransactionOptionsError {
  return new TransactionOptionsError(
    `consistency: '${mode}' was asked of a reader that has no write forwarding: ${MODE} is no parameter of its own there, and setting it would do ` +
      'nothing. Connect to a reader that forwards, or drop consistency.',
  )
}
