import type { FlattenSettings } from '../options/flatten-settings.ts'
import type { Frame } from '../transaction/frame.ts'
import { SavepointScope } from '../transaction/scope.ts'
import {
  commitAfterRollback,
  endedBeforeItsTurn,
  outlived,
  rollbackOnly,
  scopeStillOpen,
  unexpectedRollback,
} from '../transaction/verdicts.ts'
import type { KnexTransaction } from './internals.ts'
import { type OpenRoot, stateOf, transactionBehind, type TransactionState } from './transaction-state.ts'

/** Why a scope cannot begin any more. */
export function refuseToOpen(frame: Frame): Error | undefined {
  const { root, parent = root, endedAround } = frame
  if (endedAround) return endedBeforeItsTurn(frame)
  const { failure } = parent.unit
  return failure && rollbackOnly(parent, failure, `The ${frame} was not opened`)
}

/** What has run is over, and so is what was to run inside it. */
export function endWith({ frame, siblings, stopHeeding }: TransactionState): void {
  frame.end()
  stopHeeding?.()
  siblings?.leave(frame)
  refuseWaiting(frame)
}

/** Scopes that were waiting for their turn inside what has ended, however deep, have waited in vain. */
function refuseWaiting(frame: Frame): void {
  const transaction = transactionBehind(frame)
  if (transaction) stateOf(transaction).scopes?.close()
  for (const scope of frame.openScopes) refuseWaiting(scope)
}

/** Why a root or scope that came to a good end cannot be kept; dooms what it is a part of where it must be. */
export function refuseCommit(frame: Frame): Error | undefined {
  const { unit, endedAround } = frame
  if (endedAround) return outlived(frame, endedAround)
  const open = refuseOpenScopes(frame)
  if (open) return open
  const { failure } = unit
  if (!failure) return undefined
  failure.frame.unit.noteSwallowed(frame)
  return unexpectedRollback(frame, failure)
}

/** Scopes that outlive the one around them would write into nothing, or into what others have decided to keep. */
function refuseOpenScopes(frame: Frame): Error | undefined {
  if (frame.openScopes.size === 0) return undefined
  const error = scopeStillOpen(frame, frame.openScopes)
  frame.unit.doom({ kind: 'scope-open', frame, error })
  return error
}

/** Dooms the unit of a scope that has failed, unless the application has said that such an error need not. */
export function doomByScope({ frame, instance }: TransactionState, error: unknown): void {
  // Not its own, where it has a savepoint: what is kept of it is a part of what is around it.
  const { unit } = frame.parent!
  if (error === undefined) unit.doom({ kind: 'scope-rolled-back', frame, error })
  else if (dooms(instance.settings.doomOn, error)) unit.doom({ kind: 'scope-failed', frame, error })
  // What a child has written, and will not write, cannot be left to a predicate.
  else refuseOpenScopes(frame)
}

/**
 * Ends a transaction once. `commit()` after `rollback()` is refused, anything else gets the first answer; what is thrown
 * before that answer is there is not lost.
 */
export function endOnce(
  transaction: KnexTransaction,
  open: OpenRoot | undefined,
  how: 'commit' | 'rollback',
  error: unknown,
  run: () => Promise<unknown>,
): Promise<unknown> {
  const state = stateOf(transaction)
  if (!state.end) return (state.end = begin(how, error, run())).answer
  if (how === 'rollback') {
    if (error !== undefined && state.end.how === 'commit' && !state.end.settled) {
      rejectLate(transaction, open, error)
    }
    return state.end.answer.catch(ignore)
  }
  if (state.end.how === 'commit') return state.end.answer
  const refusal = commitAfterRollback(state.frame)
  if (open && state.end.error === undefined) open.late ??= { error: refusal }
  // What is undone alone nobody else will speak of.
  if (state.frame instanceof SavepointScope) transaction._rejecter(refusal)
  const answer = Promise.reject(refusal)
  answer.catch(ignore)
  return answer
}

function begin(how: 'commit' | 'rollback', error: unknown, answer: Promise<unknown>) {
  const end = { how, error, answer, settled: false }
  const settle = (): void => {
    end.settled = true
  }
  // Who holds only the transaction's promise must not be shouted at for not awaiting `commit()` too.
  answer.then(settle, settle)
  return end
}

/** The callback has thrown after an un-awaited `commit()`: a root is told with the answer, a scope at once. */
function rejectLate(transaction: KnexTransaction, open: OpenRoot | undefined, error: unknown): void {
  const state = stateOf(transaction)
  if (state.frame.parent) {
    doomByScope(state, error)
    transaction._rejecter(error)
  } else if (open) {
    open.late ??= { error }
  }
}

function dooms(doomOn: FlattenSettings['doomOn'], error: unknown): boolean {
  if (doomOn === 'scope') return true
  try {
    return doomOn(error)
  } catch {
    return true
  }
}

function ignore(): void {
  // The error has reached whoever waits for the transaction itself.
}
