import type { Frame } from '../transaction/frame.ts'

/**
 * Calls `tell` once a scope has waited behind the same open sibling for as long as it may where it is flattened.
 *
 * @returns what ends the watch; without it the process may end all the same.
 */
export function watchWait(scope: Frame, patienceMs: number, tell: () => void): () => void {
  let ahead = firstOpen(scope)
  const timer = setInterval(() => {
    const now = firstOpen(scope)
    if (now === ahead) {
      clearInterval(timer)
      tell()
    }
    ahead = now
  }, patienceMs).unref()
  return () => clearInterval(timer)
}

function firstOpen({ parent }: Frame): Frame | undefined {
  return parent?.openScopes.values().next().value
}
