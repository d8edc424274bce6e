import { TransactionOptionsError } from '../errors/errors.ts'
import type { Frame } from '../transaction/frame.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import {
  commitAfterRollback,
  rollbackOnly,
  rootAlreadyEnded,
  scopeStillOpen,
  unexpectedRollback,
} from '../transaction/verdicts.ts'
import { SCOPE_RELEASE, SCOPE_ROLLBACK } from './control-statements.ts'
import type { ClassOf, Connection, KnexTransaction, KnexTransactionConfig } from './internals.ts'
import {
  forgetRoot,
  type OpenRoot,
  remember,
  rememberClient,
  rememberRoot,
  rootOn,
  stateOf,
  type TransactionState,
} from './transaction-state.ts'

/**
 * Puts one prototype between a transaction and its dialect's class. Knex does nothing with a new transaction before
 * the next microtask, so the methods are there before the first of them is called.
 */
export function flattenTransaction(transaction: KnexTransaction, state: TransactionState): void {
  remember(transaction, state)
  const dialect = Object.getPrototypeOf(transaction) as { constructor: ClassOf<KnexTransaction> }
  let flat = derived.get(dialect)
  if (!flat) derived.set(dialect, (flat = deriveFlatTransaction(dialect.constructor).prototype as object))
  Object.setPrototypeOf(transaction, flat)
}

const derived = new WeakMap<object, object>()

function deriveFlatTransaction(Transaction: ClassOf<KnexTransaction>): ClassOf<KnexTransaction> {
  return class FlatTransaction extends Transaction {
    override async acquireConnection(
      config: KnexTransactionConfig | undefined,
      callback: (connection: Connection) => Promise<unknown>,
    ): Promise<unknown> {
      const { frame, refusal } = stateOf(this)
      if (refusal) throw refusal
      let held: Connection | undefined
      try {
        refuseForeignConnection(frame, config?.connection)
        return await super.acquireConnection(config, (connection) => {
          held = connection
          return frame.parent ? callback(connection) : keepRoot(frame.root, connection, callback)
        })
      } finally {
        frame.end()
        // Knex forgets the outer transaction's id when an inner one ends; its `query` events would go without.
        if (this.outerTx && held && rootOn(held)?.root === frame.root) held.__knexTxId = this.outerTx.txid
      }
    }

    override async begin(connection: Connection): Promise<unknown> {
      rememberClient(this)
      const open = openRootOn(connection)
      // Knex passes a failed BEGIN to the transaction's promise and runs the callback all the same.
      const answer = await super.begin(connection)
      if (open.beginError !== undefined) throw open.beginError as Error
      return answer
    }

    override savepoint(): Promise<unknown> {
      rememberClient(this)
      const { frame } = stateOf(this)
      const { root, parent } = frame
      if (root.ended) return Promise.reject(rootAlreadyEnded(frame))
      if (root.failure)
        return Promise.reject(rollbackOnly(parent ?? root, root.failure, `The ${frame} was not opened`))
      return Promise.resolve()
    }

    override commit(connection: Connection, value?: unknown): Promise<unknown> {
      return endOnce(this, 'commit', async () => {
        const open = openRootOn(connection)
        const error = refuseCommit(open.root)
        open.root.end()
        if (error) {
          await super.rollback(connection, error)
          throw error
        }
        const answer = await super.commit(connection, value)
        if (open.commitError !== undefined) throw open.commitError as Error
        return answer
      })
    }

    override rollback(connection: Connection, error?: unknown): Promise<unknown> {
      return endOnce(this, 'rollback', () => {
        stateOf(this).frame.end()
        return super.rollback(connection, error)
      })
    }

    override release(connection: Connection, value?: unknown): Promise<unknown> {
      return endOnce(this, 'commit', async () => {
        const { frame } = stateOf(this)
        if (frame.root.ended) throw rejectWithoutRoot(this, rootAlreadyEnded(frame))
        const error = refuseCommit(frame)
        frame.end()
        const answer = error
          ? this.query(connection, SCOPE_ROLLBACK, 2, error)
          : this.query(connection, SCOPE_RELEASE, 1, value)
        await answer
        if (error) throw error
        return answer
      })
    }

    override rollbackTo(connection: Connection, error?: unknown): Promise<unknown> {
      return endOnce(this, 'rollback', () => {
        const { frame, doomOn } = stateOf(this)
        if (frame.root.ended) {
          rejectWithoutRoot(this, error ?? rootAlreadyEnded(frame))
          return Promise.resolve()
        }
        if (error === undefined) frame.root.doom({ kind: 'scope-rolled-back', frame, error })
        else if (dooms(doomOn, error)) frame.root.doom({ kind: 'scope-failed', frame, error })
        frame.end()
        return this.query(connection, SCOPE_ROLLBACK, 2, error)
      })
    }
  }
}

/** Why a root or scope that came to a good end cannot be committed. */
function refuseCommit(frame: Frame): Error | undefined {
  const { root, openScopes } = frame
  if (openScopes.length > 0) {
    const error = scopeStillOpen(frame, openScopes)
    root.doom({ kind: 'scope-open', frame, error })
    return error
  }
  if (!root.failure) return undefined
  if (frame !== root) root.noteSwallowed(frame)
  return unexpectedRollback(frame, root.failure)
}

/** A transaction ends once; `commit()` after `rollback()` is refused, anything else gets the first answer. */
function endOnce(
  transaction: KnexTransaction,
  how: 'commit' | 'rollback',
  run: () => Promise<unknown>,
): Promise<unknown> {
  const state = stateOf(transaction)
  const { end } = state
  if (!end) {
    const answer = run()
    // Who holds only the transaction's promise must not be shouted at for not awaiting commit() too.
    answer.catch(ignore)
    state.end = { how, answer }
    return answer
  }
  if (how === 'rollback') return end.answer.catch(ignore)
  if (end.how === 'commit') return end.answer
  const refusal = Promise.reject(commitAfterRollback(state.frame))
  refusal.catch(ignore)
  return refusal
}

/** Settles a scope whose root is gone, where Knex would only say that some query came too late. */
function rejectWithoutRoot<Reason>(transaction: KnexTransaction, error: Reason): Reason {
  transaction._completed = true
  transaction._rejecter(error)
  return error
}

function dooms(doomOn: TransactionState['doomOn'], error: unknown): boolean {
  if (doomOn === 'scope') return true
  try {
    return doomOn(error)
  } catch {
    return true
  }
}

function openRootOn(connection: Connection): OpenRoot {
  const open = rootOn(connection)
  if (!open) throw new Error('knex-flatten: no transaction is open on this connection.')
  return open
}

/** Marks the connection for as long as the root is on it, and keeps it from the pool if the root did not end. */
async function keepRoot(
  root: RootTransaction,
  connection: Connection,
  run: (connection: Connection) => Promise<unknown>,
): Promise<unknown> {
  const open: OpenRoot = { root, connection, closed: true }
  rememberRoot(open)
  try {
    return await run(connection)
  } finally {
    forgetRoot(open)
    if (!open.closed)
      connection.__knex__disposed ??= new Error(`The ${root} on this connection was not ended.`)
  }
}

/** Stock Knex sends a second BEGIN on such a connection, and the COMMIT that follows ends the outer transaction. */
function refuseForeignConnection(frame: Frame, connection: Connection | undefined): void {
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

function inTransaction(connection: Connection): boolean {
  const status = connection.getTransactionStatus?.()
  return status === 'T' || status === 'E'
}

function ignore(): void {
  // The error has reached whoever waits for the transaction itself.
}
