export { flatten } from './flatten.ts'
export type { FlattenOptions, TransactionOptions } from './options.ts'
export { FlattenError, type FlattenErrorCode } from './errors/flatten-error.ts'
export {
  DurableTransactionError,
  RollbackOnlyError,
  ScopeStillOpenError,
  TransactionOptionsError,
  UnexpectedRollbackError,
} from './errors/errors.ts'
