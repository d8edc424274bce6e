import { TransactionOptionsError } from '../errors/errors.ts'
import { type Propagation, propagations } from '../transaction/propagation.ts'
import { defaultRetry, type RetryOptions, type RetryPolicy } from '../transaction/retry.ts'
import {
  type Check,
  checkAll,
  isBoolean,
  isRecord,
  milliseconds,
  oneOf,
  positive,
  refuseUnknown,
} from './check.ts'
import { consistencyModes } from './flatten-settings.ts'
import type { ConsistencyMode, TransactionOptions } from './options.ts'

/** {@link TransactionOptions}, checked, and those of Knex's that matter here. */
export interface TransactionSettings {
  readonly name: string | undefined
  readonly durable: boolean
  readonly propagation: Propagation | undefined
  readonly retry: RetryPolicy | undefined
  readonly savepoint: boolean
  readonly target: 'reader' | 'writer' | undefined
  readonly consistency: ConsistencyMode | undefined
  readonly readOnly: boolean | undefined
  readonly isolationLevel: string | undefined
}

const transactionChecks: Record<keyof TransactionOptions, Check> = {
  name: { allowed: 'a text', holds: (value) => typeof value === 'string' && value.trim() !== '' },
  durable: isBoolean,
  propagation: oneOf(propagations),
  retry: {
    allowed: 'true, false or an object',
    holds: (value) => typeof value === 'boolean' || isRecord(value),
  },
  savepoint: isBoolean,
  target: oneOf(['reader', 'writer']),
  consistency: oneOf(consistencyModes),
}

const retryChecks: Record<keyof RetryOptions, Check> = {
  attempts: {
    allowed: 'a whole number of runs, 1 or more',
    holds: (value) => Number.isInteger(value) && positive(value),
  },
  minDelayMs: milliseconds,
  maxDelayMs: milliseconds,
  deadlineMs: milliseconds,
  signal: { allowed: 'an AbortSignal', holds: (value) => value instanceof AbortSignal },
  idempotent: isBoolean,
}

const plain: TransactionSettings = {
  name: undefined,
  durable: false,
  propagation: undefined,
  retry: undefined,
  savepoint: false,
  target: undefined,
  consistency: undefined,
  readOnly: undefined,
  isolationLevel: undefined,
}

/** Most transactions ask for nothing: that they do not costs them next to nothing. */
function saysNothing(config: Record<string, unknown>): boolean {
  const { name, durable, propagation, retry, savepoint, target, consistency, readOnly, isolationLevel } =
    config
  return (
    (name ??
      durable ??
      propagation ??
      retry ??
      savepoint ??
      target ??
      consistency ??
      readOnly ??
      isolationLevel ??
      undefined) === undefined
  )
}

/** @throws TransactionOptionsError naming the option, its value and what is allowed, or two that contradict each other. */
export function checkTransactionOptions(config: unknown): TransactionSettings {
  if (!isRecord(config) || saysNothing(config)) return plain
  checkAll('transaction()', config, transactionChecks)
  const {
    name,
    durable = false,
    propagation,
    savepoint = false,
    target,
    consistency,
    readOnly,
    isolationLevel,
  } = config as TransactionOptions & {
    readOnly?: boolean
    isolationLevel?: string
  }
  const settings = {
    name,
    durable,
    propagation,
    savepoint,
    target,
    consistency,
    readOnly,
    isolationLevel,
    retry: readRetry(config['retry']),
  }
  refuseContradiction(settings)
  return settings
}

function readRetry(retry: unknown): RetryPolicy | undefined {
  if (!retry) return undefined
  if (retry === true) return defaultRetry
  refuseUnknown('transaction({ retry })', retry, retryChecks)
  checkAll('transaction({ retry })', retry, retryChecks)
  return { ...defaultRetry, ...(retry as RetryOptions) }
}

/** What can hold inside a transaction only, and what outside only. */
function refuseContradiction({ durable, propagation, savepoint, retry }: TransactionSettings): void {
  const rooted = propagation === undefined || propagation === 'required' || propagation === 'requires-new'
  const refuse = (one: string, other: string, why: string): never => {
    throw new TransactionOptionsError(`transaction(): ${one} and ${other} contradict each other: ${why}.`)
  }
  if (savepoint && durable) refuse('savepoint', 'durable', 'a savepoint stands inside another transaction')
  if (savepoint && retry) refuse('savepoint', 'retry', 'only a root can be run again')
  if (savepoint && propagation !== undefined && propagation !== 'nested') {
    refuse('savepoint', `propagation '${propagation}'`, "a savepoint is 'nested'")
  }
  if (rooted) return
  if (durable)
    refuse('durable', `propagation '${propagation}'`, 'it need not become a transaction of its own')
  if (retry) refuse('retry', `propagation '${propagation}'`, 'only a root can be run again')
}
