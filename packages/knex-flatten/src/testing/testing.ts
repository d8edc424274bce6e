import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import { beginTest } from '../knex/begin-test.ts'
import { flattenedInstance } from '../knex/running-frame.ts'
import { CallSite } from '../transaction/call-site.ts'
import { type CapturedHook, HookCapture } from '../transaction/hook-capture.ts'
import {
  type CaptureOptions,
  checkCaptureOptions,
  checkFunction,
  checkTestOptions,
  type TestTransactionOptions,
} from './options.ts'

export type { CapturedHook, CaptureOptions, TestTransactionOptions }

/**
 * Calls `fn` inside a transaction that is always rolled back: whatever the code under test stores by `db`, nothing stays.
 *
 * Meanwhile all of the instance runs on that one connection, also in code that has imported `db`. Its transactions begin, commit and
 * roll back as they always do: one that fails loses its own rows alone. What one connection cannot give, a transaction beside another
 * one above all, is refused with `TestTransactionError`.
 *
 * @param db - a flattened instance on a primary; tests that run at the same time need one each.
 * @param fn - the test; is handed `db`.
 * @returns what `fn` returns, once everything is rolled back.
 * @throws TransactionOptionsError for what is no flattened instance, on a reader, and inside another test transaction.
 * @throws TestTransactionError where `fn` leaves something running.
 *
 * @example
 * ```ts
 * it('places an order', () =>
 *   inTestTransaction(db, async () => {
 *     await placeOrder({ total: 7 })
 *     expect(await db('orders').pluck('total')).toEqual([7])
 *   }))
 * ```
 */
export async function inTestTransaction<Db extends Knex, Result>(
  db: Db,
  fn: (db: Db) => PromiseLike<Result> | Result,
  options: TestTransactionOptions = {},
): Promise<Result> {
  const site = new CallSite(inTestTransaction)
  const where = 'inTestTransaction(db, fn, options)'
  checkFunction(where, fn)
  const session = await beginTest(db, checkTestOptions(where, options), site, where)
  let result: Result
  try {
    result = await fn(db)
  } catch (error) {
    // What the test has failed with says more than what it has therefore left running.
    await session.end().catch(() => undefined)
    throw error
  }
  await session.end()
  return result
}

/**
 * Begins a transaction around whatever comes until it is rolled back: {@link inTestTransaction} for `beforeEach` and `afterEach`.
 *
 * @param db - a flattened instance on a primary.
 * @returns a function that rolls it back, and throws as {@link inTestTransaction} does.
 * @throws TransactionOptionsError for what is no flattened instance, on a reader, and inside another test transaction.
 *
 * @example
 * ```ts
 * beforeEach(() => beginTestTransaction(db)) // vitest calls what it returns after each test
 *
 * let rollBack: () => Promise<void> // Jest, node:test, Mocha
 * beforeEach(async () => {
 *   rollBack = await beginTestTransaction(db)
 * })
 * afterEach(() => rollBack())
 * ```
 */
export async function beginTestTransaction(
  db: Knex,
  options: TestTransactionOptions = {},
): Promise<() => Promise<void>> {
  const site = new CallSite(beginTestTransaction)
  const where = 'beginTestTransaction(db, options)'
  const session = await beginTest(db, checkTestOptions(where, options), site, where)
  return () => session.end()
}

/**
 * Calls `fn`, and keeps the hooks behind COMMIT of the transactions that are committed meanwhile: those of `afterCommit`, and of
 * `afterCompletion`. They are not run, unless `run` says so. Those of transactions that are rolled back run as ever.
 *
 * @param db - a flattened instance, inside a test transaction or not.
 * @returns what `fn` returns, and the hooks in the order in which they would have run.
 * @throws TransactionOptionsError for what is no flattened instance, and inside another `captureHooks` on it.
 *
 * @example
 * ```ts
 * const { hooks } = await captureHooks(db, () => placeOrder({ total: 7 }))
 * expect(hooks).toMatchObject([{ moment: 'afterCommit', scope: 'place order' }])
 * ```
 */
export async function captureHooks<Result>(
  db: Knex,
  fn: () => PromiseLike<Result> | Result,
  options: CaptureOptions = {},
): Promise<{ result: Result; hooks: readonly CapturedHook[] }> {
  const where = 'captureHooks(db, fn, options)'
  checkFunction(where, fn)
  const run = checkCaptureOptions(where, options)
  const instance = flattenedInstance(db, where)
  if (instance.capturing) {
    throw new TransactionOptionsError(
      `${where}: the hooks of db are captured already. Await the other captureHooks first.`,
    )
  }
  const capture = new HookCapture(run)
  instance.capturing = capture
  try {
    const result = await fn()
    return { result, hooks: capture.hooks }
  } finally {
    instance.capturing = undefined
  }
}
