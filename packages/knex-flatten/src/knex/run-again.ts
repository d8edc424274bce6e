import { TransactionOptionsError } from '../errors/errors.ts'
import { transactionInfoOf } from '../events/info.ts'
import { publish } from '../events/publish.ts'
import { isPassing, retrying, type RetryPolicy } from '../transaction/retry.ts'
import { isHandedOut } from './callback.ts'
import type { Container, KnexTransaction } from './internals.ts'
import { passEventsOn } from './shell.ts'
import { stateOf } from './transaction-state.ts'

/** Runs a root until it is committed, or fails for a reason that will not pass. */
export function runAgain(
  policy: RetryPolicy,
  shell: KnexTransaction,
  open: () => KnexTransaction,
): Promise<unknown> {
  let latest: KnexTransaction
  let attempts = 0
  return retrying(
    policy,
    () => {
      latest = open()
      stateOf(latest).frame.root.attempt = ++attempts
      passEventsOn(latest, shell)
      return latest
    },
    (error) => {
      const { failure, outcome } = stateOf(latest).frame.root
      // What is stored must not be stored again, whatever was thrown behind COMMIT.
      if (outcome === 'committed') return false
      if (outcome === 'unknown') return policy.idempotent
      // The application may have wrapped, or swallowed, what the database said.
      return isPassing(failure ? failure.error : error)
    },
    (retry) =>
      publish('knex-flatten:retry', () => ({
        transaction: transactionInfoOf(stateOf(latest).frame),
        ...retry,
      })),
  )
}

/** @throws TransactionOptionsError for `await db.transaction()`, which runs nothing that could be run again. */
export function refuseWithoutCallback(container: Container): void {
  if (!isHandedOut(container)) return
  throw new TransactionOptionsError(
    'transaction(): retry needs a callback, which is run again as a whole: ' +
      'db.transaction(async (trx) => { … }, { retry: true }).',
  )
}
