import { poolStarved } from '../transaction/verdicts.ts'
import { poolSize } from './handed-pool.ts'
import type { KnexClient } from './internals.ts'
import type { TransactionState } from './transaction-state.ts'

/**
 * Takes note that roots wait for another one inside them to get a connection, until the answer, which may be called again, is called.
 *
 * @throws PoolStarvationError where all of the pool's connections are theirs, so that it could only wait in vain
 */
export function waitForConnection(state: TransactionState, client: KnexClient): () => void {
  const { instance, suspends } = state
  if (!suspends || suspends.size === 0) return nobodyWaits
  refuseStarved(state, client)
  const { waitingForConnection: waiting } = instance
  for (const root of suspends) waiting.set(root, (waiting.get(root) ?? 0) + 1)
  let over = false
  return () => {
    if (over) return
    over = true
    for (const root of suspends) {
      const others = waiting.get(root)! - 1
      if (others > 0) waiting.set(root, others)
      else waiting.delete(root)
    }
  }
}

/** @throws PoolStarvationError where those that wait hold all connections of the pool that a root is to have one of */
export function refuseStarved({ frame, instance, suspends }: TransactionState, client: KnexClient): void {
  if (!suspends || suspends.size === 0) return
  const { target } = frame.root
  const blocked = new Set(
    [...suspends, ...instance.waitingForConnection.keys()].filter(
      (root) => root.onConnection && root.target === target,
    ),
  )
  const size = target === undefined ? poolSize(client) : instance.route!.pools.sizeOf(target)
  if (size !== undefined && blocked.size >= size) throw poolStarved(frame, blocked, size)
}

function nobodyWaits(): void {
  // Most transactions suspend no other.
}
