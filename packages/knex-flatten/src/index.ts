export { flatten } from './flatten.ts'
export type {
  ConsistencyMode,
  FlattenOptions,
  ForeignConnection,
  TransactionOptions,
} from './options/options.ts'
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
export { describeObservations, observations } from './observations.ts'
export type { Observation, ObservationKind, ObservedParty } from './observe/observation.ts'
export { crossingsOf } from './crossings.ts'
export type { CrossingBudget } from './crossings/crossing-tally.ts'
export type { ScopeInfo, TransactionInfo } from './events/info.ts'
export type { EventMessages, HookInfo, Traced, TraceMessages } from './events/messages.ts'
export { isRollbackOnly, rollbackReason, setRollbackOnly } from './rollback-only.ts'
export { getOrCreate } from './upsert/get-or-create.ts'
export type { TriedInsert } from './upsert/insert-many.ts'
export type {
  TryInsertOptions,
  UpdateOrCreateOptions,
  UpsertOptions,
  UpsertStrategy,
} from './upsert/options.ts'
export type { Created } from './upsert/race.ts'
export { tryInsert } from './upsert/try-insert.ts'
export { updateOrCreate } from './upsert/update-or-create.ts'
export { FlattenError, type FlattenErrorCode } from './errors/flatten-error.ts'
export {
  AfterCommitError,
  CommitOutcomeUnknownError,
  CrossingsExceededError,
  DurableTransactionError,
  ForeignConnectionError,
  ForwardingError,
  NoWriterError,
  PoolStarvationError,
  ReaderBehindError,
  ReadOnlyUpgradeError,
  RequestRollbackError,
  RollbackOnlyError,
  ScopeStillOpenError,
  TestTransactionError,
  TransactionOptionsError,
  UnexpectedRollbackError,
  UnresolvedConflictError,
  UnsupportedStatementError,
} from './errors/errors.ts'
export { type ForwardingReason, forwardingReasons } from './errors/forwarding-reasons.ts'
