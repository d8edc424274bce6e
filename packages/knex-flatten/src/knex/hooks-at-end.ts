import { runInside } from '../transaction/context.ts'
import type { HookCapture } from '../transaction/hook-capture.ts'
import { type HookFailure, tellHookFailure } from '../transaction/hooks.ts'
import { hooksFailed } from '../transaction/verdicts.ts'
import type { KnexClient } from './internals.ts'
import { warn } from './log.ts'
import type { Settlement } from './root-life.ts'
import type { OpenRoot } from './transaction-state.ts'

/** Runs what stands before COMMIT, inside the transaction; what it throws undoes the transaction. */
export async function beforeCommit({ root }: OpenRoot): Promise<{ readonly error: unknown } | undefined> {
  if (root.failure || root.openScopes.size > 0) return undefined
  try {
    await runInside(root, () => root.hooks?.runBeforeCommit())
    return undefined
  } catch (error) {
    root.doom({ kind: 'hook-failed', frame: root, error })
    return { error }
  }
}

/** For who ends a root by hand: settles when the hooks behind it have run; `undefined` where there are none. */
export function afterHooks(open: OpenRoot): Promise<void> | undefined {
  if (!open.root.hooks) return undefined
  return new Promise((resolve, reject) => {
    open.hooksDone = (error) => {
      if (error) reject(error)
      else resolve()
    }
  })
}

/**
 * Runs what stands behind the end of a root, once its connection is back in the pool.
 *
 * @throws AfterCommitError where the root is committed and a hook, not a robust one, has failed
 */
export async function runHooksAfter(
  open: OpenRoot,
  end: Settlement,
  client: KnexClient,
  capture: HookCapture | undefined,
): Promise<void> {
  const { root, notVisible } = open
  const { outcome = 'rolled-back' } = root
  const hooks = root.hooks!
  const failures: HookFailure[] = []
  const committed = outcome === 'committed' ? { notVisible, capture } : undefined
  if (committed) failures.push(...(await hooks.runAfter('afterCommit', undefined, committed)))
  if (outcome === 'rolled-back') {
    const error = 'error' in end ? end.error : root.failure?.error
    failures.push(...(await hooks.runAfter('afterRollback', error)))
  }
  failures.push(...(await hooks.runAfter('afterCompletion', outcome, committed)))
  const told = outcome === 'committed' && 'value' in end ? failures.filter(({ hook }) => !hook.robust) : []
  for (const failure of failures) {
    if (!told.includes(failure)) warn(client, tellHookFailure(failure))
  }
  const error = told.length > 0 ? hooksFailed(root, 'value' in end ? end.value : undefined, told) : undefined
  open.hooksDone?.(error)
  if (error) throw error
}
