import type { Frame } from '../transaction/frame.ts'
import { siblingStillOpen } from '../transaction/verdicts.ts'
import type { KnexTransaction } from './internals.ts'

/** Knex's own default for `acquireConnectionTimeout`, milliseconds. */
const DEFAULT_PATIENCE_MS = 60_000

/**
 * Builds a scope of `around`, and lets it wait for its siblings only so long.
 *
 * Knex runs the scopes of one transaction one after another. A scope opened without a callback may be held open by the
 * very code that waits for the next one; nobody can tell that from a slow sibling, so after `acquireConnectionTimeout`
 * the waiting one is refused instead of waiting for ever.
 *
 * @param siblings - the scopes that are open on `around`.
 */
export function buildBehindSiblings(
  around: KnexTransaction,
  scope: Frame,
  siblings: readonly Frame[],
  build: () => KnexTransaction,
  patienceMs: number = DEFAULT_PATIENCE_MS,
): KnexTransaction {
  if (siblings.length === 0) return build()
  const before = around._lastChild
  let timer: NodeJS.Timeout | undefined
  // A new transaction of Knex's begins when this settles.
  around._lastChild = new Promise<void>((resolve, reject) => {
    timer = setTimeout(() => {
      scope.end()
      reject(siblingStillOpen(scope.parent ?? scope.root, siblings, patienceMs))
    }, patienceMs)
    void before.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
  try {
    const transaction = build()
    // Whoever comes next still waits for the open sibling, even where this one gave up.
    around._lastChild = Promise.all([before, around._lastChild])
    return transaction
  } catch (error) {
    clearTimeout(timer)
    around._lastChild = before
    throw error
  }
}
