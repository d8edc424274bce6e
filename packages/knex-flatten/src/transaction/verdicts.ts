import { RollbackOnlyError, ScopeStillOpenError, UnexpectedRollbackError } from '../errors/errors.ts'
import { type Failure, tellFailure } from './failure.ts'
import type { Frame } from './frame.ts'
import type { RootTransaction } from './root-transaction.ts'

const WHAT_TO_DO =
  'Without savepoints PostgreSQL cannot undo a part of a transaction. Let the error reach the callback of the ' +
  'transaction, avoid it beforehand, or run that part in a transaction of its own.'

/** For a transaction, or a scope of it, that came to a good end although it can only be rolled back. */
export function unexpectedRollback(frame: Frame, failure: Failure): UnexpectedRollbackError {
  const { root } = frame
  const lost =
    frame === root
      ? `The ${root} was rolled back although its callback succeeded: nothing of it is stored.`
      : `The ${frame} cannot succeed: the ${root} around it will be rolled back.`
  return new UnexpectedRollbackError(
    [lost, tellFailure(failure), ...tellSwallowed(root), WHAT_TO_DO].join('\n'),
    {
      cause: failure.error,
    },
  )
}

/** For a root whose COMMIT PostgreSQL answered with ROLLBACK. */
export function commitAnsweredRollback(root: Frame, failure: Failure | undefined): UnexpectedRollbackError {
  const why = failure
    ? tellFailure(failure)
    : 'A statement in it had failed without this library seeing it, for instance one sent past Knex on the same connection.'
  return new UnexpectedRollbackError(
    [
      `PostgreSQL answered the COMMIT of the ${root} with ROLLBACK: nothing of it is stored.`,
      why,
      WHAT_TO_DO,
    ].join('\n'),
    { cause: failure?.error },
  )
}

function tellSwallowed(root: RootTransaction): string[] {
  return root.swallowedBy.map(
    (scope) => `The error was swallowed in the ${scope}: its callback returned as if nothing had happened.`,
  )
}

/** For `commit()` after `rollback()`: the caller must not believe that anything was stored. */
export function commitAfterRollback(frame: Frame): UnexpectedRollbackError {
  return new UnexpectedRollbackError(
    `commit() was called on the ${frame} after it had been rolled back: nothing of it is stored. ` +
      'Call either commit() or rollback(), once.',
  )
}

/** For what is asked, in `frame`, of a transaction that can only be rolled back; `refused` says what and how. */
export function rollbackOnly(frame: Frame, failure: Failure, refused: string): RollbackOnlyError {
  const { root } = frame
  const where = frame === root ? '' : ` in the ${frame}`
  return new RollbackOnlyError(
    [
      `${refused}${where}: the ${root} can only be rolled back.`,
      tellFailure(failure),
      ...tellSwallowed(root),
      WHAT_TO_DO,
    ].join('\n'),
    { cause: failure.error },
  )
}

/** For a scope that is opened, or comes to its end, after the root around it has ended. */
export function rootAlreadyEnded(frame: Frame): RollbackOnlyError {
  return new RollbackOnlyError(
    `The ${frame} was still running when the ${frame.root} around it ended. ` +
      'Await every nested transaction before the callback around it returns.',
    { cause: frame.root.failure?.error },
  )
}

/** For a root or a scope that is committed while scopes inside it are running. */
export function scopeStillOpen(frame: Frame, open: readonly Frame[]): ScopeStillOpenError {
  return new ScopeStillOpenError(
    `The ${frame} was committed while ${open.map(String).join(' and ')} inside it ${open.length > 1 ? 'were' : 'was'} ` +
      'still running; the whole transaction is rolled back. Await every nested transaction before the callback around ' +
      'it returns.',
  )
}

/** For a sibling that has waited too long behind an open scope of the same transaction. */
export function siblingStillOpen(
  parent: Frame,
  open: readonly Frame[],
  waitedMs: number,
): ScopeStillOpenError {
  return new ScopeStillOpenError(
    `A scope inside the ${parent} waited ${waitedMs} ms for ${open.map(String).join(' and ')} to end, and gave up: scopes ` +
      'of one transaction run one after another. Open it on the innermost transaction, or end that one first.',
  )
}
