import {
  AfterCommitError,
  CommitOutcomeUnknownError,
  DurableTransactionError,
  ForeignConnectionError,
  PoolStarvationError,
  RollbackOnlyError,
  ScopeStillOpenError,
  TransactionOptionsError,
  UnexpectedRollbackError,
} from '../errors/errors.ts'
import type { FlattenError } from '../errors/flatten-error.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { Target } from '../routing/choice.ts'
import { type Failure, shortenSql, tellError, tellFailure } from './failure.ts'
import type { Frame } from './frame.ts'
import { type HookFailure, tellHookFailure } from './hooks.ts'
import type { RootTransaction } from './root-transaction.ts'
import type { Unit } from './unit.ts'

const WHAT_TO_DO =
  'Without savepoints PostgreSQL cannot undo a part of a transaction. Let the error reach the callback of the ' +
  'transaction, avoid it beforehand, or run that part in a transaction of its own.'

const AFTER_A_LOSS = 'The connection was lost, and the transaction with it. Run the whole transaction again.'

const AWAIT_EVERY_ONE = 'Await every nested transaction before the callback around it returns.'

/** For a transaction, or a scope of it, that came to a good end although it can only be rolled back. */
export function unexpectedRollback(frame: Frame, failure: Failure): UnexpectedRollbackError {
  const { unit } = failure.frame
  const lost =
    frame !== unit
      ? `The ${frame} cannot succeed: the ${unit} around it will be rolled back.`
      : frame === frame.root
        ? `The ${frame} was rolled back instead of committed: nothing of it is stored.`
        : `The ${frame} was rolled back to its savepoint instead of kept: nothing of it is stored.`
  const message = [lost, tellFailure(failure), ...tellSwallowed(unit), whatToDo(failure)].join('\n')
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
  const { unit } = failure.frame
  const where = frame === unit ? '' : ` in the ${frame}`
  const what = `${refused}${where}: the ${unit} can only be rolled back.`
  const message = [what, tellFailure(failure), ...tellSwallowed(unit), whatToDo(failure)].join('\n')
  return at(frame, new RollbackOnlyError(message, { cause: failure.error }))
}

/** For a scope that comes to its end after `gone`, the transaction or scope around it, was rolled back. */
export function outlived(scope: Frame, gone: Frame): RollbackOnlyError {
  const message = `The ${scope} was still running when the ${gone} around it ended. ${AWAIT_EVERY_ONE}`
  return at(scope, new RollbackOnlyError(message, { cause: scope.unit.failure?.error }))
}

/** For a scope that was waiting for its turn when the transaction around it was rolled back. */
export function endedBeforeItsTurn(scope: Frame): RollbackOnlyError {
  const message = `The ${scope} was not opened: the ${scope.root} around it ended first. ${AWAIT_EVERY_ONE}`
  return at(scope, new RollbackOnlyError(message, { cause: scope.unit.failure?.error }))
}

/** For a statement that was waiting for a connection when its transaction was rolled back. */
export function endedBeforeBegin(root: Frame): RollbackOnlyError {
  const message =
    `The ${root} was rolled back before there was a connection for it: nothing of it was sent. ` +
    'Await every statement before the callback returns.'
  return at(root, new RollbackOnlyError(message, { cause: root.unit.failure?.error }))
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

/** For who waits for the end of a callback that returned nothing to wait for. */
export function neverEnded(frame: Frame, openMs: number): string {
  return (
    `The ${frame} is still open after ${openMs} ms: its callback returned no promise, and neither commit() nor rollback() was called. ` +
    'Let the callback return the promise of its work, or be async; or end the transaction.'
  )
}

/** For `{ durable: true }` on a scope. */
export function notDurable(scope: Frame, around: Frame): DurableTransactionError {
  const named = scope.name === undefined ? '' : ` "${scope.name}"`
  const message =
    `The durable transaction${named} was asked for inside the ${around}, whose rollback would undo it. ` +
    'Open it on the Knex instance outside of any transaction, or drop { durable: true }.'
  return at(scope, new DurableTransactionError(message))
}

/** For a root whose COMMIT was not answered, or answered with a doubt. */
export function commitOutcomeUnknown(root: Frame, error: unknown): CommitOutcomeUnknownError {
  const message = [
    `Nobody can tell whether the ${root} was committed: its COMMIT was on its way when this was heard:`,
    `    ${tellError(error)}`,
    'Look for what it should have written before it is run again.',
  ].join('\n')
  return at(root, new CommitOutcomeUnknownError(message, { cause: error }))
}

/** For a root that is committed, and whose hooks failed behind it. */
export function hooksFailed(
  root: Frame,
  result: unknown,
  failures: readonly HookFailure[],
): AfterCommitError {
  const message = [
    `The ${root} is committed. Do not run it again because of this:`,
    ...failures.map(tellHookFailure),
  ].join('\n')
  return at(root, new AfterCommitError(message, { result, errors: failures.map(({ error }) => error) }))
}

/** For `retry` on a scope. */
export function notAgain(scope: Frame, around: Frame): TransactionOptionsError {
  const message =
    `transaction(): the ${scope} asks to be run again, but is a part of the ${around}: only a root can be run again. ` +
    'Give { retry } to the outermost transaction.'
  return at(scope, new TransactionOptionsError(message))
}

/** For a scope where `nested` is `'throw'`. */
export function nestingRefused(scope: Frame, around: Frame): TransactionOptionsError {
  const message =
    `transaction(): the ${scope} was asked for inside the ${around}, and this instance refuses nested transactions ` +
    "({ nested: 'throw' }). Use the transaction around, or say { propagation: 'required' } to join it or 'requires-new' for one beside it."
  return at(scope, new TransactionOptionsError(message))
}

/** For `isolationLevel` on a scope whose root has a weaker one. */
export function levelTooWeak(scope: Frame, root: RootTransaction, level: string): TransactionOptionsError {
  const message =
    `transaction(): the ${scope} asks for ${level}, but is a part of the ${root}, which runs at ` +
    `${root.isolationLevel ?? "the server's default level"}. Give { isolationLevel } to the outermost transaction, or use 'requires-new'.`
  return at(scope, new TransactionOptionsError(message))
}

/** For a savepoint where the server forwards its writes. */
export function savepointOnReader(scope: Frame): TransactionOptionsError {
  const message =
    `transaction(): the ${scope} asks for a savepoint, which a reader refuses: its server is in recovery. ` +
    'Connect to the writer, or let it join the transaction around it without one.'
  return at(scope, new TransactionOptionsError(message))
}

/** For a scope that asks for another pool than its root runs on. */
export function otherTarget(scope: Frame, root: RootTransaction, target: Target): TransactionOptionsError {
  const message =
    `The ${scope} asks for { target: '${target}' }, and the ${root} around it runs on the ${root.target}. A transaction never moves: ask for ` +
    "it there, or open this one with { propagation: 'requires-new' }."
  return at(scope, new TransactionOptionsError(message))
}

/** For a scope whose reads are to wait for more than its root's do. */
export function otherConsistency(
  scope: Frame,
  root: RootTransaction,
  consistency: ConsistencyMode,
): TransactionOptionsError {
  const given =
    root.consistency === undefined ? 'does not say what its reads wait for' : `has '${root.consistency}'`
  const message =
    `The ${scope} asks for { consistency: '${consistency}' }, and the ${root} around it ${given}. Nobody has published what becomes of it inside a ` +
    'transaction: ask for it there.'
  return at(scope, new TransactionOptionsError(message))
}

/** For what is asked of a root inside a block whose reads are to wait for more than its own. */
export function blockInside(root: RootTransaction, consistency: ConsistencyMode): TransactionOptionsError {
  const given =
    root.consistency === undefined ? 'the mode that the server is set to' : `'${root.consistency}'`
  const message =
    `withConsistency('${consistency}', …) was entered inside the ${root}, which has ${given}: nobody has published what becomes of a mode inside a ` +
    'transaction, so the statement was not sent. Enter it before the transaction begins, or give that { consistency }.'
  return at(root, new TransactionOptionsError(message))
}

/** For a transaction of an instance with one pool that asks for one of several. */
export function targetWithoutRoute(target: Target): TransactionOptionsError {
  return new TransactionOptionsError(
    `transaction(): { target: '${target}' } was asked of an instance that has one pool only. Make it by route({ reader, writer }) of ` +
      'knex-flatten/routing, or drop target.',
  )
}

/** For a query on the instance itself inside one of its transactions. */
export function foreignConnection(frame: Frame, sql: string | undefined): ForeignConnectionError {
  const what = sql === undefined ? 'A query' : `The statement\n    ${shortenSql(sql)}\n`
  const message =
    `${what} on the Knex instance was made inside the ${frame}, but would run outside of it, on a connection of its own. ` +
    "Use the transaction's own handle, or let such queries join: { ambient: { foreignConnection: 'join' } }."
  return at(frame, new ForeignConnectionError(message))
}

/** For a root that needs a connection while those that wait for it hold them all. */
export function poolStarved(frame: Frame, holders: ReadonlySet<Frame>, size: number): PoolStarvationError {
  const message =
    `The ${frame} can get no connection: the pool has ${size}, all held by transactions that wait for one inside them: ` +
    `${[...holders].join(', ')}. Give the pool more connections, or nest fewer 'requires-new'.`
  return at(frame, new PoolStarvationError(message))
}

/** Lets the stack of an error begin where the user opened the frame; below it there is only Knex. */
export function at<Raised extends FlattenError>({ site }: Pick<Frame, 'site'>, error: Raised): Raised {
  const { framesOfUser } = site
  if (framesOfUser.length > 0) {
    error.stack = [`${error.name}: ${error.message}`, ...framesOfUser].join('\n')
  }
  return error
}

function whatToDo({ lost }: Failure): string {
  return lost ? AFTER_A_LOSS : WHAT_TO_DO
}

function tellSwallowed(unit: Unit): string[] {
  return unit.swallowedBy.map(
    (scope) => `The error was swallowed in the ${scope}: its callback returned as if nothing had happened.`,
  )
}
