import type { Knex } from 'knex'
import { runningFrame } from './knex/running-frame.ts'

/**
 * Lets the transaction be rolled back, whatever becomes of its callback. Further statements are refused with
 * `RollbackOnlyError`; the transaction is rejected, with `reason` as `cause`.
 *
 * In a scope that has a savepoint of its own only that scope is meant. The first reason counts.
 *
 * @param trx - a running transaction or scope, or with `ambient` the instance inside of one.
 * @param reason - an error or a text for messages.
 * @throws TransactionOptionsError outside of a running transaction.
 */
export function setRollbackOnly(trx: Knex, reason: unknown = 'no reason was given'): void {
  const { frame } = runningFrame(trx, 'setRollbackOnly')
  frame.unit.doom({ kind: 'rollback-only', frame, error: reason })
}

/**
 * Whether the transaction can only be rolled back: something in it has failed, or `setRollbackOnly` was called.
 *
 * @throws TransactionOptionsError outside of a running transaction.
 */
export function isRollbackOnly(trx: Knex): boolean {
  return runningFrame(trx, 'isRollbackOnly').frame.unit.failure !== undefined
}

/**
 * Why the transaction can only be rolled back: the first failure's error, or what `setRollbackOnly` was given; `undefined`
 * where it can be committed, and after a scope's `rollback()` without an error.
 *
 * @throws TransactionOptionsError outside of a running transaction.
 */
export function rollbackReason(trx: Knex): unknown {
  return runningFrame(trx, 'rollbackReason').frame.unit.failure?.error
}
