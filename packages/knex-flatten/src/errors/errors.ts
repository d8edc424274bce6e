import type { RuleId } from '@knex-flatten/sql-support'
import { FlattenError } from './flatten-error.ts'
import type { ForwardingReason } from './forwarding-reasons.ts'

/**
 * The transaction was rolled back although its callback succeeded or `commit()` was called: nothing of it is stored.
 *
 * Raised where plain Knex, and most of its kin, report success. `cause` is the first failure, where one is known.
 */
export class UnexpectedRollbackError extends FlattenError {
  override readonly name = 'UnexpectedRollbackError'
  readonly code = 'FLATTEN_UNEXPECTED_ROLLBACK'
}

/**
 * A statement or a scope was asked of a transaction that can only be rolled back, or was; it was not sent.
 *
 * `cause` is the first failure, the one that doomed the transaction.
 */
export class RollbackOnlyError extends FlattenError {
  override readonly name = 'RollbackOnlyError'
  readonly code = 'FLATTEN_ROLLBACK_ONLY'
}

/** `{ durable: true }` was asked for inside another transaction, whose end could still undo it. Nothing was sent. */
export class DurableTransactionError extends FlattenError {
  override readonly name = 'DurableTransactionError'
  readonly code = 'FLATTEN_DURABLE'
}

/** An option has a wrong name or value, or asks for what the transaction around it cannot give. Nothing was sent. */
export class TransactionOptionsError extends FlattenError {
  override readonly name = 'TransactionOptionsError'
  readonly code = 'FLATTEN_OPTIONS'
}

/**
 * A transaction was ended while a scope inside it was still running, and was rolled back; or a scope waited in vain for
 * its turn behind an open sibling. Either way the transaction can only be rolled back.
 */
export class ScopeStillOpenError extends FlattenError {
  override readonly name = 'ScopeStillOpenError'
  readonly code = 'FLATTEN_SCOPE_OPEN'
}

/**
 * The connection was lost while COMMIT was on its way, or the server said that it cannot tell: the transaction may be
 * stored, or not. `cause` is what was heard instead of an answer.
 *
 * It is never run again by itself, unless `retry` says that it is idempotent. Look for what it should have written.
 */
export class CommitOutcomeUnknownError extends FlattenError {
  override readonly name = 'CommitOutcomeUnknownError'
  readonly code = 'FLATTEN_COMMIT_UNKNOWN'
}

/**
 * The transaction **is committed**, and a hook that was to run behind it failed. `cause` is the first of `errors`.
 *
 * Do not run the transaction again because of it.
 */
export class AfterCommitError extends FlattenError {
  override readonly name = 'AfterCommitError'
  readonly code = 'FLATTEN_AFTER_COMMIT'
  /** What the transaction's callback returned, or `commit()` was given. */
  readonly result: unknown
  /** What each failed hook threw, in the order they ran. */
  readonly errors: readonly unknown[]

  constructor(message: string, { result, errors }: { result: unknown; errors: readonly unknown[] }) {
    super(message, { cause: errors[0] })
    this.result = result
    this.errors = errors
  }
}

/**
 * A write, or a scope with `readOnly: false`, was asked for inside what is read-only, and cannot become anything else. Nothing was written.
 *
 * `cause` is the database's own refusal, where the statement was sent.
 */
export class ReadOnlyUpgradeError extends FlattenError {
  override readonly name = 'ReadOnlyUpgradeError'
  readonly code = 'FLATTEN_READ_ONLY_UPGRADE'
  /** Where what is read-only was opened: `src/report.ts:12:20`; `undefined` where that was not noted. */
  readonly openedAt: string | undefined
  /** Where the write, or the scope, was asked for. */
  readonly askedAt: string | undefined

  constructor(message: string, { cause, openedAt, askedAt }: ReadOnlyUpgrade = {}) {
    super(message, { cause })
    this.openedAt = openedAt
    this.askedAt = askedAt
  }
}

interface ReadOnlyUpgrade extends ErrorOptions {
  readonly openedAt?: string | undefined
  readonly askedAt?: string | undefined
}

/** The instance was queried inside one of its own transactions, past it, where `ambient` forbids that. Nothing was sent. */
export class ForeignConnectionError extends FlattenError {
  override readonly name = 'ForeignConnectionError'
  readonly code = 'FLATTEN_FOREIGN_CONNECTION'
}

/** `requires-new` needs a connection, and those who hold them all wait for it. Nothing was sent. */
export class PoolStarvationError extends FlattenError {
  override readonly name = 'PoolStarvationError'
  readonly code = 'FLATTEN_POOL_STARVATION'
}

/** Something needs the writer, and the routed instance has none, or none for the moment. Nothing was sent. */
export class NoWriterError extends FlattenError {
  override readonly name = 'NoWriterError'
  readonly code = 'FLATTEN_NO_WRITER'
  /** The server in the writer's place is a reader, as it may be in a switchover: what is to be `retry`-ed is run again. */
  readonly passing: boolean

  constructor(message: string, { passing = false }: { passing?: boolean } = {}) {
    super(message)
    this.passing = passing
  }
}

/** A reader did not show in time what was written before, or cannot tell, and there is no writer to ask instead. */
export class ReaderBehindError extends FlattenError {
  override readonly name = 'ReaderBehindError'
  readonly code = 'FLATTEN_READER_BEHIND'
}

/** `getOrCreate` or `updateOrCreate` could neither insert the row nor find the one that stood in its way. Nothing was written. */
export class UnresolvedConflictError extends FlattenError {
  override readonly name = 'UnresolvedConflictError'
  readonly code = 'FLATTEN_UNRESOLVED_CONFLICT'
}

/** A request's transaction was rolled back because of what became of its answer: its status, its length, or nobody left to read it. */
export class RequestRollbackError extends FlattenError {
  override readonly name = 'RequestRollbackError'
  readonly code = 'FLATTEN_REQUEST_ROLLBACK'
}

/** A test transaction was asked for what only real ones can give, or was not left as it was found. It never happens in production. */
export class TestTransactionError extends FlattenError {
  override readonly name = 'TestTransactionError'
  readonly code = 'FLATTEN_TEST_TRANSACTION'
}

/**
 * A statement that a reader with write forwarding refuses was asked of one, or of any server where `guard` is `'always'`. The
 * transaction that it was to be in can only be rolled back, as PostgreSQL would have it.
 *
 * It was not sent, unless there is a `cause`: what the reader itself refused it with, where the guard let it through.
 */
export class UnsupportedStatementError extends FlattenError {
  override readonly name = 'UnsupportedStatementError'
  readonly code = 'FLATTEN_UNSUPPORTED_STATEMENT'
  /** The row of the support table that decided, such as `savepoint`. */
  readonly rule: RuleId
  /** Its SQL, without its bindings. */
  readonly statement: string
  /** What to write instead. */
  readonly instead: string
  /** The page that says so. */
  readonly source: string

  constructor(message: string, { rule, statement, instead, source, cause }: UnsupportedStatement) {
    super(message, { cause })
    this.rule = rule
    this.statement = statement
    this.instead = instead
    this.source = source
  }
}

type UnsupportedStatement = ErrorOptions &
  Pick<UnsupportedStatementError, 'rule' | 'statement' | 'instead' | 'source'>

/**
 * With a statement a transaction, or a request, would have crossed to the writer more often than its `crossings: { max }` allows. It was not
 * sent; a transaction that it was to be in can only be rolled back.
 */
export class CrossingsExceededError extends FlattenError {
  override readonly name = 'CrossingsExceededError'
  readonly code = 'FLATTEN_CROSSINGS'
  /** Whose budget it is: that of the transaction, or of the request scope around it. */
  readonly budget: 'transaction' | 'request'
  /** How often that has crossed before. */
  readonly crossings: number
  /** How often it may, the end of every transaction included. */
  readonly max: number
  /** The SQL of the statement, without its bindings. */
  readonly statement: string

  constructor(message: string, { budget, crossings, max, statement }: Exceeded) {
    super(message)
    this.budget = budget
    this.crossings = crossings
    this.max = max
    this.statement = statement
  }
}

type Exceeded = Pick<CrossingsExceededError, 'budget' | 'crossings' | 'max' | 'statement'>

/**
 * A reader answered a statement with an error whose own words do not say enough. `cause` is that error, with its SQLSTATE as `code`.
 *
 * Whether the same may succeed later is up to `cause`: `retry` looks there.
 */
export class ForwardingError extends FlattenError {
  override readonly name = 'ForwardingError'
  readonly code = 'FLATTEN_FORWARDING'
  /** What happened, as far as it can be told. */
  readonly reason: ForwardingReason
  /** What the database said: the `code` of `cause`. */
  readonly sqlstate: string
  /** The SQL of the statement, without its bindings. */
  readonly statement: string
  /** What to do about it. */
  readonly advice: string
  /** The page that says so. */
  readonly source: string

  constructor(message: string, { reason, sqlstate, statement, advice, source, cause }: ForwardingDetails) {
    super(message, { cause })
    this.reason = reason
    this.sqlstate = sqlstate
    this.statement = statement
    this.advice = advice
    this.source = source
  }
}

type ForwardingDetails = ErrorOptions &
  Pick<ForwardingError, 'reason' | 'sqlstate' | 'statement' | 'advice' | 'source'>
