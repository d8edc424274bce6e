import { TransactionOptionsError } from '../errors/errors.ts'
import type { Frame } from '../transaction/frame.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import { heedLoss } from './handed-pool.ts'
import type { Connection, KnexClient } from './internals.ts'
import { LazyConnection } from './lazy-connection.ts'
import { forgetRoot, type OpenRoot, rememberRoot, rootOn } from './transaction-state.ts'

/** Marks the connection for as long as the root is on it, and closes it where the server may still hold the root. */
export async function keepRoot(
  root: RootTransaction,
  client: KnexClient,
  connection: Connection,
  run: (open: OpenRoot) => Promise<unknown>,
): Promise<unknown> {
  const lazy = connection instanceof LazyConnection ? connection : undefined
  const open: OpenRoot = { root, connection, lazy, closed: true, handedOver: 0 }
  root.onConnection = !lazy
  rememberRoot(open)
  if (!lazy) heedLoss(client, connection)
  try {
    return await run(open)
  } finally {
    root.onConnection = false
    forgetRoot(connection)
    const real = lazy ? lazy.real : connection
    if (lazy?.real) forgetRoot(lazy.real)
    if (real && !open.closed) dispose(root, client, real)
  }
}

export function openRootOn(connection: Connection): OpenRoot {
  const open = rootOn(connection)
  if (!open) throw new Error('knex-flatten: no transaction is open on this connection.')
  return open
}

/** Knex's pool looks at the mark when it next lends the connection; until then it would hold its locks. */
function dispose(root: RootTransaction, client: KnexClient, connection: Connection): void {
  connection.__knex__disposed ??= new Error(`The ${root} on this connection was not ended.`)
  client.destroyRawConnection(connection).catch(() => {
    // It was gone already.
  })
}

/**
 * Stock Knex sends a second BEGIN on such a connection, and the COMMIT that follows ends the outer transaction.
 *
 * @throws TransactionOptionsError
 */
export function refuseForeignConnection(frame: Frame, connection: Connection | undefined): void {
  if (!connection) return
  const busy = rootOn(connection)
  if (frame.parent) {
    if (busy?.root === frame.root) return
    throw new TransactionOptionsError(
      `transaction(): the ${frame} was given a connection that its ${frame.root} does not run on. Drop { connection }.`,
    )
  }
  if (!busy && !inTransaction(connection)) return
  throw new TransactionOptionsError(
    `transaction(): the connection given to the ${frame} is inside ${busy ? `the ${busy.root}` : 'a transaction'} already, ` +
      'which its COMMIT would end early. Nest with trx.transaction() instead.',
  )
}

export function inTransaction(connection: Connection): boolean {
  const status = connection.getTransactionStatus?.()
  return status === 'T' || status === 'E'
}
