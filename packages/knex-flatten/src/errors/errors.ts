import { FlattenError } from './flatten-error.ts'

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
