import {
  DurableTransactionError,
  RollbackOnlyError,
  ScopeStillOpenError,
  TransactionOptionsError,
  UnexpectedRollbackError,
} from '../errors/errors.ts'
import type { FlattenError } from '../errors/flatten-error.ts'
import { type Failure, tellFailure } from './failure.ts'
import type { Frame } from './frame.ts'
import type { RootTransaction } from './root-transaction.ts'

const WHAT_TO_DO =
  'Without savepoints PostgreSQL cannot undo a part of a transaction. Let the error reach the callback of the ' +
  'transaction, avoid it beforehand, or run that part in a transaction of its own.'

const AWAIT_EVERY_ONE = 'Await every nested transaction before the callback around it returns.'

/** For a transaction, or a scope of it, that came to a good end although it can only be rolled back. */
export function unexpectedRollback(frame: Frame, failure: Failure): UnexpectedRollbackError {
  const { root } = frame
  const lost =
    frame === root
      ? `The ${root} was rolled back instead of committed: nothing of it is stored.`
      : `The ${frame} cannot succeed: the ${root} around it will be rolled back.`
  const message = [lost, tellFailure(failure), ...tellSwallowed(root), WHAT_TO_DO].join('\n')
  return at(frame, new UnexpectedRollbackError(message, { cause: failure.error }))
}

/** For a root whose COMMIT PostgreSQL answered with ROLLBACK. */
export function commitAnsweredRollback(root: Frame, failure: Failure | undefined): UnexpectedRollbackError {
  const lost = `PostgreSQL answered the COMMIT of the ${root} with ROLLBACK: nothing of it is stored.`
  const why = failure
    ? tellFailure(failure)
    : 'A statement in it had failed without this library seeing it, for instance one sent past Knex on the same connection.'
  const message = [lost, why, WHAT_TO_DO].join('\n')
  return at(root, new UnexpectedRollbackError(message, { cause: failure?.error }))
}

/** For `commit()` after `rollback()`: the caller must not believe that anything was stored. */
export function commitAfterRollback(frame: Frame): UnexpectedRollbackError {
  const message =
    `The ${frame} was to be committed after it had been rolled back: nothing of it is stored. ` +
    'Call either commit() or rollback(), once, and await it.'
  return at(frame, new UnexpectedRollbackError(message))
}

/** For what is asked, in `frame`, of a transaction that can only be rolled back; `refused` says what and how. */
export function rollbackOnly(frame: Frame, failure: Failure, refused: string): RollbackOnlyError {
  const { root } = frame
  const where = frame === root ? '' : ` in the ${frame}`
  const what = `${refused}${where}: the ${root} can only be rolled back.`
  const message = [what, tellFailure(failure), ...tellSwallowed(root), WHAT_TO_DO].join('\n')
  return at(frame, new RollbackOnlyError(message, { cause: failure.error }))
}

/** For a scope that comes to its end after `gone`, the transaction or scope around it, was rolled back. */
export function outlived(scope: Frame, gone: Frame): RollbackOnlyError {
  const message = `The ${scope} was still running when the ${gone} around it ended. ${AWAIT_EVERY_ONE}`
  return at(scope, new RollbackOnlyError(message, { cause: scope.root.failure?.error }))
}

/** For a scope that was waiting for its turn when the transaction around it was rolled back. */
export function endedBeforeItsTurn(scope: Frame): RollbackOnlyError {
  const message = `The ${scope} was not opened: the ${scope.root} around it ended first. ${AWAIT_EVERY_ONE}`
  return at(scope, new RollbackOnlyError(message, { cause: scope.root.failure?.error }))
}

/** For a scope asked of a transaction that has ended before. */
export function alreadyComplete(scope: Frame, around: Frame): TransactionOptionsError {
  const message =
    `transaction(): the ${around} is already complete, so the ${scope} cannot be opened on it. ` +
    'Open it on the Knex instance, or before the transaction ends.'
  return at(scope, new TransactionOptionsError(message))
}

/** For a root or a scope that is ended while scopes inside it are running. */
export function scopeStillOpen(frame: Frame, open: ReadonlySet<Frame>): ScopeStillOpenError {
  const message =
    `The ${frame} was ended while ${[...open].join(' and ')} inside it ${open.size > 1 ? 'were' : 'was'} still ` +
    `running; the whole transaction is rolled back. ${AWAIT_EVERY_ONE}`
  return at(frame, new ScopeStillOpenError(message))
}

/** For a scope that has waited too long behind an open sibling. */
export function siblingStillOpen(scope: Frame, running: Frame, waitedMs: number): ScopeStillOpenError {
  const message =
    `The ${scope} waited ${waitedMs} ms for the ${running} to end, and gave up: scopes of one transaction run one ` +
    'after another. Open it on the innermost transaction, or end that one first.'
  return at(scope, new ScopeStillOpenError(message))
}

/** For `{ durable: true }` on a scope. */
export function notDurable(scope: Frame, around: Frame): DurableTransactionError {
  const named = scope.name === undefined ? '' : ` "${scope.name}"`
  const message =
    `The durable transaction${named} was asked for inside the ${around}, whose rollback would undo it. ` +
    'Open it on the Knex instance outside of any transaction, or drop { durable: true }.'
  return at(scope, new DurableTransactionError(message))
}

/** Lets the stack of an error begin where the user opened the frame; below it there is only Knex. */
function at<Raised extends FlattenError>(frame: Frame, error: Raised): Raised {
  const { frames } = frame.site
  if (frames.length > 0) error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n')
  return error
}

function tellSwallowed(root: RootTransaction): string[] {
  return root.swallowedBy.map(
    (scope) => `The error was swallowed in the ${scope}: its callback returned as if nothing had happened.`,
  )
}
