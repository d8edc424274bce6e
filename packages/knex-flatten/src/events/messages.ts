import type { RuleId } from '@knex-flatten/sql-support'
import type { RouteChoice } from '../routing/choice.ts'
import type { Failure } from '../transaction/failure.ts'
import type { Moment, Outcome } from '../transaction/hooks.ts'
import type { ScopeInfo, TransactionInfo } from './info.ts'

/** BEGIN was answered. */
interface BeginMessage {
  readonly transaction: TransactionInfo
}

/** A transaction has ended, and its connection is back in the pool; its hooks run after this. */
interface OutcomeMessage {
  readonly transaction: TransactionInfo
  readonly outcome: Outcome
  /** Milliseconds since it was opened. */
  readonly durationMs: number
  /** What it is rejected with, unless it is committed. */
  readonly error?: unknown
}

/** A transaction, or a scope with a savepoint of its own, can only be rolled back from now on. */
interface DoomMessage {
  readonly transaction: TransactionInfo
  /** Where it happened: a scope, or the transaction itself. */
  readonly in: TransactionInfo | ScopeInfo
  readonly kind: Failure['kind']
  readonly error: unknown
  /** Of a failed statement, without its bindings. */
  readonly sql?: string | undefined
}

/** A transaction has failed for a passing reason, and is about to be run again. */
interface RetryMessage {
  /** The one that failed; the next is another. */
  readonly transaction: TransactionInfo
  /** How many runs there were, this one included. */
  readonly attempt: number
  readonly error: unknown
  readonly pauseMs: number
}

/** A statement that a reader refuses, or may refuse. */
export interface GuardMessage {
  readonly db: object
  readonly transaction: TransactionInfo | undefined
  readonly rule: RuleId
  /** `sent`: it was sent all the same. */
  readonly verdict: 'refused' | 'sent'
  /** Without its bindings. */
  readonly sql: string
}

/** A transaction, or a request, crosses to the writer more often than it should, or would do so. */
interface CrossingsMessage {
  readonly db: object
  /** What the statement is in; of a request's also outside of any. */
  readonly transaction: TransactionInfo | undefined
  /** Whose budget it is: that of the transaction, or of the request scope around it. */
  readonly budget: 'transaction' | 'request'
  readonly verdict: 'refused' | 'sent'
  /** What it has gone above: `max` where it was refused, `warn` where it was sent. */
  readonly limit: number
  /** The statement with which it has, without its bindings. */
  readonly sql: string
}

/** It is known where something runs: a transaction, or what is sent outside of any. */
interface RouteMessage {
  readonly db: object
  readonly route: RouteChoice
  readonly transaction: TransactionInfo | undefined
  /** Outside of a transaction: what is sent, without bindings; none where the application has asked for a connection itself. */
  readonly statements: readonly string[]
}

/** A reader could not be reached. */
interface ReaderFailedMessage {
  readonly db: object
  /** `reader`, or of several `reader 1` and so on, in the order in which they were given. */
  readonly pool: string
  readonly error: unknown
  /** Milliseconds for which it is left alone, while there is anybody else. */
  readonly coolDownMs: number
}

/** Something goes to the writer that was meant for a reader. */
interface FallbackMessage {
  readonly db: object
  readonly wanted: RouteChoice
  readonly route: RouteChoice
}

/** A connection that led to a reader leads to a writer. */
interface PromotionMessage {
  /** `host:port`, as the driver was told. */
  readonly server: string
}

/** What became of a causality token that a request came with. */
interface TokenMessage {
  readonly db: object
  readonly outcome: 'honoured' | 'ignored'
  /** Why it was ignored. */
  readonly reason?: 'malformed' | 'forged' | 'from-the-future' | 'expired'
}

/** Somebody has waited until a reader shows what was written. */
interface ReaderWaitMessage {
  readonly db: object
  readonly waitedMs: number
  readonly outcome: 'shown' | 'timed-out' | 'aborted'
  /** By the reader's mode `global`, or by the position of the writer's log that it has replayed. */
  readonly way: 'global' | 'lsn'
}

/** The message of each channel of `node:diagnostics_channel`. */
export interface EventMessages {
  'knex-flatten:begin': BeginMessage
  'knex-flatten:outcome': OutcomeMessage
  'knex-flatten:doom': DoomMessage
  'knex-flatten:retry': RetryMessage
  'knex-flatten:guard': GuardMessage
  'knex-flatten:crossings': CrossingsMessage
  'knex-flatten:route': RouteMessage
  'knex-flatten:reader-failed': ReaderFailedMessage
  'knex-flatten:fallback': FallbackMessage
  'knex-flatten:promotion': PromotionMessage
  'knex-flatten:token': TokenMessage
  'knex-flatten:reader-wait': ReaderWaitMessage
}

/** A hook that runs. */
export interface HookInfo {
  readonly moment: Moment
  /** Where it was registered: `src/orders.ts:12:20`. */
  readonly registeredAt: string | undefined
  readonly transaction: TransactionInfo
}

/** What each tracing channel of `node:diagnostics_channel` tells of; {@link Traced} comes with it. */
export interface TraceMessages {
  'knex-flatten:transaction': { readonly transaction: TransactionInfo }
  'knex-flatten:scope': { readonly scope: ScopeInfo }
  'knex-flatten:hook': { readonly hook: HookInfo }
}

/** What the messages of a tracing channel have beside: the same object from `start` to `asyncEnd`. */
export interface Traced {
  /** What it has failed with; from the event `error` on. */
  readonly error?: unknown
  /**
   * Lets it, and whatever it starts, run inside of `wrap`, which is to call what it is handed: so a tracer makes a span of its own the
   * active one. To be called while `start` is told.
   */
  readonly runIn: (wrap: (run: () => unknown) => unknown) => void
}
