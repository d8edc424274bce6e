import { CallSite } from '../transaction/call-site.ts'
import type { Frame } from '../transaction/frame.ts'
import { inTransaction } from './custody.ts'
import { methodsFrom } from './derived.ts'
import type { ClassOf, Connection, KnexTransaction, KnexTransactionConfig, QueryObject } from './internals.ts'
import { castShadow, type ObservedEnd, shadowOn, type Watch, watchOf } from './observed-state.ts'
import { rememberClient } from './transaction-state.ts'

/** Gives one of Knex's transactions methods that listen, and change nothing. */
export const observeTransaction: (transaction: KnexTransaction) => void = methodsFrom(deriveObserved)

function deriveObserved(Transaction: ClassOf<KnexTransaction>): ClassOf<KnexTransaction> {
  return class ObservedTransaction extends Transaction {
    override acquireConnection(
      config: KnexTransactionConfig | undefined,
      callback: (connection: Connection) => Promise<unknown>,
    ): Promise<unknown> {
      const watch = watchOf(this)
      const { frame, shadow } = watch
      let lift: (() => void) | undefined
      const over = super.acquireConnection(config, (connection) => {
        if (!frame.parent) {
          if (config?.connection) noteSharing(watch, config.connection)
          lift = castShadow(connection, shadow)
        }
        return callback(connection)
      })
      const ended = (): void => {
        frame.end()
        watch.stopWaiting?.()
        lift?.()
      }
      over.then(ended, ended)
      return over
    }

    override begin(connection: Connection): Promise<unknown> {
      rememberClient(this)
      const begun = super.begin(connection)
      void begun.then(() => noteOpening(this))
      return begun
    }

    override savepoint(connection: Connection): Promise<unknown> {
      rememberClient(this)
      watchOf(this).stopWaiting?.()
      const set = super.savepoint(connection)
      void set.then(() => noteOpening(this))
      return set
    }

    override commit(connection: Connection, value?: unknown): Promise<unknown> {
      const { shadow } = watchOf(this)
      const { failure } = shadow.root
      return observeEnd(
        this,
        'commit',
        undefined,
        () => super.commit(connection, value),
        (answer, open) => {
          if (!answer) shadow.commitFailed(failure)
          else if (answer.response?.command === 'ROLLBACK') shadow.commitWasRollback()
          else shadow.committed(open)
        },
      )
    }

    override release(connection: Connection, value?: unknown): Promise<unknown> {
      const { frame, shadow } = watchOf(this)
      return observeEnd(
        this,
        'release',
        undefined,
        () => super.release(connection, value),
        (answer, open) => {
          if (answer) shadow.scopeReleased(frame, open)
        },
      )
    }

    override rollback(connection: Connection, error?: unknown): Promise<unknown> {
      const { shadow } = watchOf(this)
      return observeEnd(
        this,
        'rollback',
        error,
        () => super.rollback(connection, error),
        () => shadow.rolledBack(),
      )
    }

    override rollbackTo(connection: Connection, error?: unknown): Promise<unknown> {
      const { frame, shadow, dead, end } = watchOf(this)
      if (!dead && !end) shadow.scopeFailed(frame, error)
      return observeEnd(this, 'rollbackTo', error, () => super.rollbackTo(connection, error))
    }
  }
}

/** Stock Knex sends a second BEGIN there, and the COMMIT that follows ends the outer transaction. */
function noteSharing({ frame, shadow }: Watch, connection: Connection): void {
  if (shadowOn(connection) || inTransaction(connection))
    shadow.tell({ kind: 'connection-in-transaction', frame })
}

/** Knex passes a refused BEGIN or SAVEPOINT to the transaction's promise, marks it completed and runs the callback. */
function noteOpening(transaction: KnexTransaction): void {
  const watch = watchOf(transaction)
  watch.dead = transaction._completed
  if (watch.dead) watch.shadow.notOpened(watch.frame)
  else if (watch.frame.parent) watch.shadow.scopeOpened(watch.frame)
}

/** @param heard - is told what the server answered to the first end, `undefined` for a refusal, and what was open by then. */
function observeEnd(
  transaction: KnexTransaction,
  method: 'commit' | 'release' | 'rollback' | 'rollbackTo',
  error: unknown,
  run: () => Promise<unknown>,
  heard?: (answer: QueryObject | undefined, open: readonly Frame[]) => void,
): Promise<unknown> {
  const watch = watchOf(transaction)
  const { frame, shadow } = watch
  if (watch.dead) return run()
  const how = method === 'commit' || method === 'release' ? 'commit' : 'rollback'
  // eslint-disable-next-line @typescript-eslint/unbound-method -- only its place on the stack is meant
  const call = watch.callbackReturned ? undefined : new CallSite(transaction[method])
  if (watch.end) {
    if (settlesOtherwise(watch, how, error)) shadow.tell({ kind: 'ended-twice', frame, call })
    return run()
  }
  const end: ObservedEnd = (watch.end = { how, error, settled: false })
  const open = [...frame.openScopes]
  frame.end()
  const answer = run()
  const settled = (object?: unknown): void => {
    end.settled = true
    heard?.(object as QueryObject | undefined, open)
    if (how === 'commit' && call && !object) shadow.tell({ kind: 'commit-failure-untold', frame, call })
  }
  answer.then(settled, () => settled())
  return answer
}

/** Whether Knex settles a second end, or the transaction because of it, in another way than flattening would. */
function settlesOtherwise(
  { end, frame, callbackReturned }: Watch,
  how: ObservedEnd['how'],
  error: unknown,
): boolean {
  const first = end!
  if (how === 'commit' && first.how === 'rollback') {
    return !callbackReturned || (!first.settled && frame.parent !== undefined && first.error === undefined)
  }
  if (first.settled) return false
  // Knex rejects what is still on its way: "Transaction query already complete".
  return first.how === 'commit' ? error === undefined : first.error === undefined
}
