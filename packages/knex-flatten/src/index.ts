export { flatten } from './flatten.ts'
export type { FlattenOptions, ForeignConnection, TransactionOptions } from './options/options.ts'
export type { Propagation } from './transaction/propagation.ts'
export type { RetryOptions } from './transaction/retry.ts'
export {
  afterCommit,
  type AfterCommitOptions,
  afterCompletion,
  afterRollback,
  beforeCommit,
  type HookOptions,
} from './hooks.ts'
export type { Outcome } from './transaction/hooks.ts'
export { isRollbackOnly, rollbackReason, setRollbackOnly } from './rollback-only.ts'
export { FlattenError, type FlattenErrorCode } from './errors/flatten-error.ts'
export {
  AfterCommitError,
  CommitOutcomeUnknownError,
  DurableTransactionError,
  ForeignConnectionError,
  PoolStarvationError,
  ReadOnlyUpgradeError,
  RollbackOnlyError,
  ScopeStillOpenError,
  TransactionOptionsError,
  UnexpectedRollbackError,
} from './errors/errors.ts'
