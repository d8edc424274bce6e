import type { Frame } from '../transaction/frame.ts'
import { siblingStillOpen } from '../transaction/verdicts.ts'
import type { KnexTransaction } from './internals.ts'

/** Knex's own default for `acquireConnectionTimeout`, milliseconds. */
const DEFAULT_PATIENCE_MS = 60_000

/**
 * Lets the scope that is opened next on `around` wait for its siblings only so long.
 *
 * Knex runs the scopes of one transaction one after another. A scope opened without a callback may be held open by the
 * very code that waits for the next one; nobody can tell that from a slow sibling, so after `acquireConnectionTimeout`
 * the waiting one is refused instead of waiting for ever.
 *
 * @returns to be called with the new scope once Knex has built it; nothing where there is no sibling to wait for.
 */
export function queueBehindSiblings(
  around: KnexTransaction,
  parent: Frame,
  patienceMs: number = DEFAULT_PATIENCE_MS,
): ((scope: Frame) => void) | undefined {
  const open = parent.openScopes
  if (open.length === 0) return undefined
  const before = around._lastChild
  let giveUp: (() => void) | undefined
  around._lastChild = new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      giveUp?.()
      reject(siblingStillOpen(parent, open, patienceMs))
    }, patienceMs)
    void before.then(() => {
      clearTimeout(timer)
      resolve(undefined)
    })
  })
  return (scope) => {
    giveUp = () => {
      scope.end()
    }
    // Whoever comes next still waits for the open sibling, even where this one gave up.
    around._lastChild = Promise.all([before, around._lastChild])
  }
}
