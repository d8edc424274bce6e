import { tracedFrame } from '../events/traced.ts'
import type { Frame } from '../transaction/frame.ts'
import { SavepointScope } from '../transaction/scope.ts'
import { outlived } from '../transaction/verdicts.ts'
import { asControl, SCOPE_RELEASE, SCOPE_ROLLBACK } from './control-statements.ts'
import { openRootOn } from './custody.ts'
import { methodsFrom } from './derived.ts'
import { doomByScope, endOnce, refuseCommit, refuseToOpen } from './ending.ts'
import { afterHooks, beforeCommit } from './hooks-at-end.ts'
import type { ClassOf, Connection, KnexTransaction, KnexTransactionConfig } from './internals.ts'
import { type Run, runRoot } from './root-life.ts'
import { runScope } from './scope-life.ts'
import { releaseSavepoint, setSavepoint, undoToSavepoint } from './savepoints.ts'
import { remember, rememberClient, rootOn, stateOf, type TransactionState } from './transaction-state.ts'

const flatten = methodsFrom(deriveFlatTransaction)

/** Makes one of Knex's transactions a flat one. */
export function flattenTransaction(transaction: KnexTransaction, state: TransactionState): void {
  remember(transaction, state)
  flatten(transaction)
}

function deriveFlatTransaction(Transaction: ClassOf<KnexTransaction>): ClassOf<KnexTransaction> {
  return class FlatTransaction extends Transaction {
    override acquireConnection(config: KnexTransactionConfig | undefined, callback: Run): Promise<unknown> {
      const { frame } = stateOf(this)
      const run = frame.parent ? runScope : runRoot
      return tracedFrame(frame, () =>
        run(this, config, callback, (how, then) => super.acquireConnection(how, then)),
      )
    }

    override begin(connection: Connection): Promise<unknown> {
      rememberClient(this)
      const open = openRootOn(connection)
      if (open.lazy) return Promise.resolve()
      // Knex passes a failed BEGIN to the transaction's promise and runs the callback all the same.
      stateOf(this).begun = asControl(open, 'begin', () => super.begin(connection)).then(
        () => open.beginError === undefined,
      )
      // What Knex makes for the callback need not wait; the callback does.
      return Promise.resolve()
    }

    override async savepoint(connection: Connection): Promise<unknown> {
      rememberClient(this)
      const { frame } = stateOf(this)
      const refusal = refuseToOpen(frame)
      if (refusal) throw refusal
      if (frame instanceof SavepointScope) await setSavepoint(this, frame, connection)
      return undefined
    }

    override commit(connection: Connection, value?: unknown): Promise<unknown> {
      const open = rootOn(connection)
      return endOnce(this, open, 'commit', undefined, async () => {
        const mine = openRootOn(connection)
        const { root } = mine
        const failed = root.hooks && (await beforeCommit(mine))
        // What the callback has thrown meanwhile comes before COMMIT too.
        const refusal = failed ? failed.error : (mine.late?.error ?? refuseCommit(root))
        root.end()
        const done = afterHooks(mine)
        if (refusal !== undefined) {
          await asControl(mine, 'rollback', () => super.rollback(connection, refusal))
          await done?.catch(() => undefined)
          throw refusal as Error
        }
        const answer = await asControl(mine, 'commit', () => super.commit(connection, value))
        await done
        if (mine.commitError !== undefined) throw mine.commitError as Error
        return answer
      })
    }

    override rollback(connection: Connection, error?: unknown): Promise<unknown> {
      return endOnce(this, rootOn(connection), 'rollback', error, async () => {
        const open = openRootOn(connection)
        open.root.end()
        const done = afterHooks(open)
        const answer = await asControl(open, 'rollback', () => super.rollback(connection, error))
        await done
        return answer
      })
    }

    override release(connection: Connection, value?: unknown): Promise<unknown> {
      return endOnce(this, undefined, 'commit', undefined, async () => {
        const { frame } = stateOf(this)
        const gone = frame.endedAround
        let refusal = refuseCommit(frame)
        frame.end()
        if (frame instanceof SavepointScope && !gone) {
          if (refusal) await undoToSavepoint(this, frame, connection)
          else refusal = await releaseSavepoint(this, frame, connection)
        }
        if (!refusal) return resolveScope(this, connection, value)
        await rejectScope(this, connection, refusal, gone)
        throw refusal
      })
    }

    override rollbackTo(connection: Connection, error?: unknown): Promise<unknown> {
      return endOnce(this, undefined, 'rollback', error, async () => {
        const state = stateOf(this)
        const { frame } = state
        const gone = frame.endedAround
        if (!(frame instanceof SavepointScope)) doomByScope(state, error)
        frame.end()
        if (frame instanceof SavepointScope && !gone) await undoToSavepoint(this, frame, connection)
        return rejectScope(this, connection, error, gone)
      })
    }
  }
}

/** Ends a scope in Knex's own way; where what is around it has ended, Knex would only say that it came too late. */
async function resolveScope(
  transaction: KnexTransaction,
  connection: Connection,
  value: unknown,
): Promise<unknown> {
  if (!transaction.isCompleted()) return transaction.query(connection, SCOPE_RELEASE, 1, value)
  transaction._completed = true
  transaction._resolver(value)
  return undefined
}

/** The same for one that is undone; `gone` is what was around it, and had ended before. */
async function rejectScope(
  transaction: KnexTransaction,
  connection: Connection,
  error: unknown,
  gone: Frame | undefined,
): Promise<unknown> {
  if (!transaction.isCompleted()) return transaction.query(connection, SCOPE_ROLLBACK, 2, error)
  transaction._completed = true
  const told = error ?? (gone && outlived(stateOf(transaction).frame, gone))
  if (told === undefined) transaction._resolver()
  else transaction._rejecter(told)
  return undefined
}
