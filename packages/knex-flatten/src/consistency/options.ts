import { TransactionOptionsError } from '../errors/errors.ts'
import type { CrossingBudget } from '../crossings/crossing-tally.ts'
import { type Check, checkAll, isRecord, milliseconds, oneOf, refuseUnknown, show } from '../options/check.ts'
import { crossingBudget } from '../options/crossing-budget.ts'
import { consistencyModes } from '../options/flatten-settings.ts'
import type { TokenSettings } from './token.ts'

/**
 * What reads do, in a request scope, once something was written in it.
 *
 * - `'same-session'`: they use the session that has written, which shows what it wrote; one connection is kept for the scope from then on. Where
 *   that cannot be, another session waits once until its reader shows the same;
 * - `'global'`: they use any session, each in the mode `'global'`, which costs a crossing for each;
 * - `'writer'`: they go to the writer.
 */
export type RequestPolicy = (typeof policies)[number]

const policies = ['same-session', 'global', 'writer'] as const

/** How tokens are signed, and for how long they count. */
export interface TokenOptions {
  /** The key that signs tokens; of several the first signs, and any of them is believed. Default: tokens are not signed. */
  readonly secret?: string | readonly string[]
  /** Milliseconds after which every reader is taken to show what a token stands for. Default 300 000. */
  readonly maxAgeMs?: number
}

/** What {@link requestScope} takes. */
export interface RequestScopeOptions extends TokenOptions {
  /** See {@link RequestPolicy}. Default `'same-session'`. */
  readonly policy?: RequestPolicy
  /**
   * What the same user has written before, as {@link causalityToken} gave it to him: reads show it. It may come from anywhere: one that is
   * malformed, forged, from the future or too old counts for nothing.
   */
  readonly token?: string | undefined
  /** Milliseconds that a read waits for a reader that is behind; then it goes to the writer. Default 10 000. */
  readonly timeoutMs?: number
  /**
   * How often it may cross to the writer, in its transactions and outside of them: whoever awaits it waits for each. Default: as often as it does.
   *
   * The budget of `flatten()` or `route()`, which each transaction has for itself, holds beside it.
   */
  readonly crossings?: CrossingBudget
}

/** {@link RequestScopeOptions}, all of them said. */
export interface RequestSettings extends TokenSettings {
  readonly policy: RequestPolicy
  readonly token: string | undefined
  readonly timeoutMs: number
  readonly crossings: CrossingBudget | undefined
}

/** What {@link waitForReader} takes. */
export interface WaitForReaderOptions extends TokenOptions {
  /** Milliseconds. Default 10 000. */
  readonly timeoutMs?: number
  /** Ends the wait: it is rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

/** {@link WaitForReaderOptions}, all of them said. */
export interface WaitSettings extends TokenSettings {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

const isKey = (value: unknown): boolean => typeof value === 'string' && value.length >= 16

const tokenChecks: Record<keyof TokenOptions, Check> = {
  secret: {
    allowed: 'a key of at least 16 characters, or an array of such',
    holds: (value) => isKey(value) || (Array.isArray(value) && value.length > 0 && value.every(isKey)),
  },
  maxAgeMs: milliseconds,
}

/** Of what is the same for every request. */
export const policyChecks: Record<Exclude<keyof RequestScopeOptions, 'token'>, Check> = {
  ...tokenChecks,
  policy: oneOf(policies),
  timeoutMs: milliseconds,
  crossings: crossingBudget,
}

const scopeChecks: Record<keyof RequestScopeOptions, Check> = {
  ...policyChecks,
  token: { allowed: 'a string', holds: (value) => typeof value === 'string' },
}

const waitChecks: Record<keyof WaitForReaderOptions, Check> = {
  ...tokenChecks,
  timeoutMs: milliseconds,
  signal: { allowed: 'an AbortSignal', holds: (value) => value instanceof AbortSignal },
}

const PATIENCE_MS = 10_000

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkScopeOptions(options: RequestScopeOptions): RequestSettings {
  checkRecord('requestScope(db, fn, options)', options, scopeChecks)
  const { policy = 'same-session', token, timeoutMs = PATIENCE_MS, crossings } = options
  return { policy, token, timeoutMs, crossings, ...settleTokens(options) }
}

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkWaitOptions(options: WaitForReaderOptions): WaitSettings {
  checkRecord('waitForReader(db, token, options)', options, waitChecks)
  const { timeoutMs = PATIENCE_MS, signal } = options
  return { timeoutMs, signal, ...settleTokens(options) }
}

/** @throws TransactionOptionsError naming the modes there are. */
export function checkMode(mode: unknown): void {
  checkAll('withConsistency(mode, fn)', { mode }, { mode: oneOf(consistencyModes) })
}

function checkRecord(where: string, options: unknown, checks: Record<string, Check>): void {
  if (!isRecord(options)) {
    throw new TransactionOptionsError(`${where}: options must be an object, not ${show(options)}.`)
  }
  refuseUnknown(where, options, checks)
  checkAll(where, options, checks)
}

function settleTokens({ secret = [], maxAgeMs = 300_000 }: TokenOptions): TokenSettings {
  return { secrets: typeof secret === 'string' ? [secret] : secret, maxAgeMs }
}
