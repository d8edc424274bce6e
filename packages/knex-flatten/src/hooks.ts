import type { Knex } from 'knex'
import { TransactionOptionsError } from './errors/errors.ts'
import { runningFrame } from './knex/running-frame.ts'
import { checkAll, isBoolean, milliseconds, oneOf, refuseUnknown } from './options/check.ts'
import { CallSite } from './transaction/call-site.ts'
import type { Moment, Outcome } from './transaction/hooks.ts'

/** How a hook is run. */
export interface HookOptions {
  /** Milliseconds it may take; then it counts as failed. Default: the instance's `acquireConnectionTimeout`, 60 s. */
  readonly timeoutMs?: number
}

/** How a hook behind COMMIT is run. */
export interface AfterCommitOptions extends HookOptions {
  /** Its failure is written to Knex's log, and the transaction resolves all the same. Default false. */
  readonly robust?: boolean
  /**
   * `'visible-on-reader'`: it runs once the server the transaction went through shows what was committed, so that whoever it
   * calls can read it there. Default `'committed'`: at once.
   */
  readonly when?: 'committed' | 'visible-on-reader'
}

/**
 * Calls `fn` right before COMMIT, inside the transaction. What it throws rolls the transaction back.
 *
 * Like all hooks it may be registered at any depth, and is called at the end of the root: awaited, in the order of registration,
 * once. It may register further ones.
 *
 * @param trx - a running transaction or scope, or with `ambient` the instance inside of one.
 * @throws TransactionOptionsError outside of a transaction, and once it is ending.
 */
export function beforeCommit(trx: Knex, fn: () => unknown, options?: HookOptions): void {
  register('beforeCommit', trx, fn, options, beforeCommit)
}

/**
 * Calls `fn` once the transaction is committed and its connection back in the pool. The transaction's promise waits for it.
 *
 * What it throws cannot undo anything: the transaction is rejected with `AfterCommitError`, which carries its result, after all
 * other hooks have run; with `robust` it is only logged.
 *
 * @param trx - a running transaction or scope, or with `ambient` the instance inside of one.
 * @throws TransactionOptionsError outside of a transaction, and once it is ending.
 *
 * @example
 * ```ts
 * await db.transaction(async (trx) => {
 *   const [order] = await trx('orders').insert({ total: 7 }).returning('*')
 *   afterCommit(trx, () => mailer.send(order))
 * })
 * ```
 */
export function afterCommit(trx: Knex, fn: () => unknown, options?: AfterCommitOptions): void {
  register('afterCommit', trx, fn, options, afterCommit)
}

/**
 * Calls `fn` once the transaction is rolled back, with what it is rejected with. What `fn` throws is logged.
 *
 * @param trx - a running transaction or scope, or with `ambient` the instance inside of one.
 * @throws TransactionOptionsError outside of a transaction, and once it is ending.
 */
export function afterRollback(trx: Knex, fn: (error: unknown) => unknown, options?: HookOptions): void {
  register('afterRollback', trx, fn, options, afterRollback)
}

/**
 * Calls `fn` after all other hooks, however the transaction has ended: `'committed'`, `'rolled-back'`, or `'unknown'` where the
 * answer to COMMIT was lost. What it throws is told as with `afterCommit`, or logged where nothing is committed.
 *
 * @param trx - a running transaction or scope, or with `ambient` the instance inside of one.
 * @throws TransactionOptionsError outside of a transaction, and once it is ending.
 */
export function afterCompletion(trx: Knex, fn: (outcome: Outcome) => unknown, options?: HookOptions): void {
  register('afterCompletion', trx, fn, options, afterCompletion)
}

const common = { timeoutMs: milliseconds }
const checks = { ...common, robust: isBoolean, when: oneOf(['committed', 'visible-on-reader']) }

function register(
  moment: Moment,
  trx: Knex,
  run: (argument: never) => unknown,
  options: AfterCommitOptions = {},
  below: (...args: never[]) => unknown,
): void {
  if (typeof run !== 'function') {
    throw new TransactionOptionsError(`${moment}(trx, fn): fn must be a function, not ${String(run)}.`)
  }
  const known = moment === 'afterCommit' ? checks : common
  refuseUnknown(`${moment}(trx, fn, options)`, options, known)
  checkAll(`${moment}(trx, fn, options)`, options, known)
  const { frame, patienceMs } = runningFrame(trx, moment)
  frame.root.addHooks().add({
    moment,
    run,
    frame,
    site: new CallSite(below),
    timeoutMs: options.timeoutMs ?? patienceMs,
    robust: options.robust ?? false,
    whenVisible: options.when === 'visible-on-reader',
  })
}
