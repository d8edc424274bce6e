/** The literal codes of every error this package raises. */
export type FlattenErrorCode =
  | 'FLATTEN_UNEXPECTED_ROLLBACK'
  | 'FLATTEN_ROLLBACK_ONLY'
  | 'FLATTEN_DURABLE'
  | 'FLATTEN_OPTIONS'
  | 'FLATTEN_SCOPE_OPEN'
  | 'FLATTEN_COMMIT_UNKNOWN'
  | 'FLATTEN_AFTER_COMMIT'
  | 'FLATTEN_READ_ONLY_UPGRADE'
  | 'FLATTEN_FOREIGN_CONNECTION'
  | 'FLATTEN_POOL_STARVATION'
  | 'FLATTEN_UNRESOLVED_CONFLICT'
  | 'FLATTEN_REQUEST_ROLLBACK'
  | 'FLATTEN_TEST_TRANSACTION'
  | 'FLATTEN_UNSUPPORTED_STATEMENT'
  | 'FLATTEN_NO_WRITER'
  | 'FLATTEN_READER_BEHIND'
  | 'FLATTEN_CROSSINGS'
  | 'FLATTEN_FORWARDING'

/**
 * The base of every error this package raises; tell them apart by `code`.
 *
 * The database's own error is never replaced where it would do: a statement's `23505` reaches its caller as it is,
 * and stands as `cause` on whatever is raised because of it.
 */
export abstract class FlattenError extends Error {
  abstract readonly code: FlattenErrorCode

  constructor(message: string, { cause }: ErrorOptions = {}) {
    // Node prints a `cause` that is there, though it is undefined.
    super(message, cause === undefined ? undefined : { cause })
  }
}
