import { runInside } from '../transaction/context.ts'
import { isThenable, started } from '../transaction/started.ts'
import type { Frame } from '../transaction/frame.ts'
import { neverEnded } from '../transaction/verdicts.ts'
import type { Container } from './internals.ts'
import { warn } from './log.ts'
import { transactionBehind, type TransactionState } from './transaction-state.ts'

/** A transaction's callback, as Knex is to run it: what it starts knows the frame it was started in. */
export function inside(frame: Frame, container: Container): Container {
  return (transactor) => runInside(frame, () => started(container(transactor)))
}

/** The callback of a root. Knex makes ready for it while BEGIN is on its way; it waits for the answer. */
export function onceBegun(state: TransactionState, container: Container): Container {
  return (transactor) => {
    const { begun } = state
    if (!begun) return container(transactor)
    return new Promise((resolve, reject) => {
      begun.then((well) => {
        // Otherwise Knex has told the transaction's promise.
        if (well) runCallback(container, transactor, resolve, reject)
      }, reject)
    })
  }
}

/** Settles as what the callback returns; where that is nothing to wait for, the transaction is ended by hand. */
export function runCallback(
  container: Container,
  handle: unknown,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  try {
    const result = container(handle)
    if (isThenable(result)) result.then(resolve, reject)
  } catch (error) {
    reject(error)
  }
}

/** Says in Knex's log, once, that a callback has neither returned anything to wait for nor ended its transaction. */
export function heedForgetting(state: TransactionState, container: Container, patienceMs: number): Container {
  return (transactor) => {
    const result = container(transactor)
    if (isThenable(result) || isHandedOut(container)) return result
    const { frame } = state
    const timer = setTimeout(() => {
      warn(transactionBehind(frame)!.client, neverEnded(frame, patienceMs))
    }, patienceMs)
    timer.unref()
    state.stopHeeding = () => clearTimeout(timer)
    return result
  }
}

/** Of `await db.transaction()`: what Knex hands on in the place of a callback is a promise's own `resolve`. */
export function isHandedOut(container: Container): boolean {
  return container.name === '' && /\[native code\]/.test(Function.prototype.toString.call(container))
}
