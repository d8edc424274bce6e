import { setTimeout as sleep } from 'node:timers/promises'
import { ForwardingError, NoWriterError } from '../errors/errors.ts'

/** How a root is run again; see {@link RetryOptions} for the meaning of each. */
export interface RetryPolicy {
  readonly attempts: number
  readonly minDelayMs: number
  readonly maxDelayMs: number
  readonly deadlineMs: number
  readonly signal: AbortSignal | undefined
  readonly idempotent: boolean
}

/** When and how often a root transaction is run again as a whole, callback and all. */
export interface RetryOptions {
  /** Runs in all, the first included. Default 5. */
  readonly attempts?: number
  /** Milliseconds: the upper bound of the first pause; it doubles with each attempt. Default 50. */
  readonly minDelayMs?: number
  /** Milliseconds: the upper bound of any pause. Default 2000. */
  readonly maxDelayMs?: number
  /** Milliseconds since the first run began, after which no further one is begun. Default none. */
  readonly deadlineMs?: number
  /** Ends a pause, and lets no further run begin: the transaction is rejected with the signal's reason. */
  readonly signal?: AbortSignal
  /**
   * The callback may take effect twice, so a COMMIT whose answer was lost (`CommitOutcomeUnknownError`) is run again too.
   * Default false.
   */
  readonly idempotent?: boolean
}

export const defaultRetry: RetryPolicy = {
  attempts: 5,
  minDelayMs: 50,
  maxDelayMs: 2_000,
  deadlineMs: Number.POSITIVE_INFINITY,
  signal: undefined,
  idempotent: false,
}

/** Errors that say "not now": serialization failure, deadlock, and a session that was lost with its transaction. */
const PASSING = /^(?:40001|40P01|08000|08001|08003|08006|57P0[123])$/

/** True for what the same transaction may well not meet a second time. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ForwardingError) return isPassing(error.cause)
  if (error instanceof NoWriterError) return error.passing
  try {
    const { code, severity } = error as { code?: unknown; severity?: unknown }
    // The driver says no more than that the connection has gone; its own codes are those of the system's.
    if (severity === undefined) return isLostConnection(error)
    return typeof code === 'string' && PASSING.test(code)
  } catch {
    return false
  }
}

/** The system says that a connection has gone, or that nobody is there now: a server that starts again takes a moment. */
const NOT_NOW =
  /^(?:ECONNRESET|EPIPE|ECONNREFUSED|ECONNABORTED|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|EAI_AGAIN)$/

function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  return (
    (typeof code === 'string' && NOT_NOW.test(code)) ||
    /^Connection (?:terminated|ended)|Client has encountered a connection error/.test(error.message)
  )
}

/** A run that has failed, and what comes before the next. */
interface Retry {
  /** How many runs there were. */
  readonly attempt: number
  readonly error: unknown
  readonly pauseMs: number
}

/**
 * Runs `attempt` until it succeeds, fails for good, or may not be run any more. The last error is thrown, with those before
 * it as `earlierFailures`.
 *
 * @param aboutTo - hears of each failure behind which it is run again.
 */
export async function retrying<Value>(
  { attempts, deadlineMs, signal, ...policy }: RetryPolicy,
  attempt: () => PromiseLike<Value>,
  mayTryAgain: (error: unknown) => boolean,
  aboutTo: (retry: Retry) => void = () => undefined,
): Promise<Value> {
  const began = performance.now()
  const failures: unknown[] = []
  for (;;) {
    if (signal?.aborted) throw withEarlier(signal.reason, failures)
    try {
      return await attempt()
    } catch (error) {
      const pause = pauseBefore(failures.length + 1, policy)
      const over = failures.length + 1 >= attempts || performance.now() - began + pause >= deadlineMs
      if (over || !mayTryAgain(error)) throw withEarlier(error, failures)
      failures.push(error)
      aboutTo({ attempt: failures.length, error, pauseMs: pause })
      await sleep(pause, undefined, signal && { signal }).catch(() => undefined)
    }
  }
}

/** Anything up to a bound that doubles: those who met once do not meet again. */
export function pauseBefore(
  retry: number,
  { minDelayMs, maxDelayMs }: Pick<RetryPolicy, 'minDelayMs' | 'maxDelayMs'>,
): number {
  return Math.random() * Math.min(maxDelayMs, minDelayMs * 2 ** (retry - 1))
}

function withEarlier(error: unknown, failures: readonly unknown[]): unknown {
  if (failures.length > 0 && error instanceof Error && Object.isExtensible(error)) {
    Object.defineProperty(error, 'earlierFailures', { value: failures, enumerable: true, configurable: true })
  }
  return error
}
