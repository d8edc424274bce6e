import { failedStatement } from '../transaction/failure.ts'
import type { SavepointScope } from '../transaction/scope.ts'
import { savepointOnReader } from '../transaction/verdicts.ts'
import { asControl } from './control-statements.ts'
import { openRootOn } from './custody.ts'
import { knownRole, learnRole } from './server-role.ts'
import type { Connection, KnexTransaction, QueryObject } from './internals.ts'

/** Sets a real savepoint. @throws TransactionOptionsError where the server is a reader, which would refuse it */
export async function setSavepoint(
  transaction: KnexTransaction,
  scope: SavepointScope,
  connection: Connection,
): Promise<void> {
  const open = openRootOn(connection)
  const real = open.lazy ? await open.lazy.ready() : connection
  if (knownRole(real) === undefined) await learnRole(real)
  if (knownRole(real) !== 'writer') throw savepointOnReader(scope)
  await send(transaction, connection, `SAVEPOINT ${transaction.txid}`)
}

/** Keeps what was done since the savepoint; answers why it could not. */
export function releaseSavepoint(
  transaction: KnexTransaction,
  scope: SavepointScope,
  connection: Connection,
): Promise<Error | undefined> {
  return endSavepoint(transaction, scope, connection, `RELEASE SAVEPOINT ${transaction.txid}`)
}

/** Undoes what was done since the savepoint, and what was to be done at COMMIT because of it. */
export async function undoToSavepoint(
  transaction: KnexTransaction,
  scope: SavepointScope,
  connection: Connection,
): Promise<void> {
  scope.root.hooks?.drop(scope)
  await endSavepoint(transaction, scope, connection, `ROLLBACK TO SAVEPOINT ${transaction.txid}`)
}

/** Whoever ends a scope is not to wait for ever because its savepoint is lost: what is around it is, then. */
async function endSavepoint(
  transaction: KnexTransaction,
  scope: SavepointScope,
  connection: Connection,
  sql: string,
): Promise<Error | undefined> {
  try {
    await send(transaction, connection, sql)
    return undefined
  } catch (error) {
    const { unit } = scope.parent
    if (!unit.failure) unit.doom(failedStatement(scope, error, sql))
    return error as Error
  }
}

function send(transaction: KnexTransaction, connection: Connection, sql: string): Promise<QueryObject> {
  return asControl(openRootOn(connection), 'savepoint', () => transaction.trxClient.query(connection, sql))
}
