import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import type { TestSettings } from '../knex/test-session.ts'
import {
  type Check,
  checkAll,
  isBoolean,
  isRecord,
  milliseconds,
  oneOf,
  refuseUnknown,
  show,
} from '../options/check.ts'

/** How a test transaction is held. */
export interface TestTransactionOptions {
  /**
   * The isolation level of the test's transaction, and so of every one inside. What asks for a stronger one is refused. Default:
   * the server's.
   */
  readonly isolationLevel?: Exclude<Knex.IsolationLevels, 'snapshot'>
  /**
   * Milliseconds without anything happening on the test's one connection, after which whoever waits for it is refused with
   * `TestTransactionError`: it would wait for ever. Default 1000.
   */
  readonly stuckAfterMs?: number
}

/** How hooks are captured. */
export interface CaptureOptions {
  /** They are run as well, in their turn; what they throw is told as ever. Default false. */
  readonly run?: boolean
}

const testChecks: Record<keyof TestTransactionOptions, Check> = {
  isolationLevel: oneOf(['read committed', 'repeatable read', 'serializable', 'read uncommitted']),
  stuckAfterMs: milliseconds,
}

const captureChecks: Record<keyof CaptureOptions, Check> = { run: isBoolean }

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkTestOptions(where: string, options: TestTransactionOptions): TestSettings {
  check(where, options, testChecks)
  const { isolationLevel, stuckAfterMs = 1_000 } = options
  return { isolationLevel, stuckAfterMs }
}

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkCaptureOptions(where: string, options: CaptureOptions): boolean {
  check(where, options, captureChecks)
  return options.run ?? false
}

/** @throws TransactionOptionsError for what is no function. */
export function checkFunction(where: string, fn: unknown): void {
  if (typeof fn === 'function') return
  throw new TransactionOptionsError(`${where}: fn must be a function, not ${show(fn)}.`)
}

function check(where: string, options: unknown, checks: Record<string, Check>): void {
  if (!isRecord(options)) {
    throw new TransactionOptionsError(`${where}: options must be an object, not ${show(options)}.`)
  }
  refuseUnknown(where, options, checks)
  checkAll(where, options, checks)
}
