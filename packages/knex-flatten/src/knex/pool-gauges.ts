import { poolSize } from './handed-pool.ts'
import type { Instance } from './instance.ts'
import type { KnexClient } from './internals.ts'

/** How many connections of a pool are in which state. */
interface PoolState {
  readonly used: number
  readonly free: number
  /** How many wait for one. */
  readonly pending: number
  readonly max: number | undefined
}

/** A pool whose state can be read at any time. */
export interface PoolGauge {
  readonly name: string
  /** `undefined` for one that does not tell. */
  readonly read: () => PoolState | undefined
}

/** The pools of an instance, one or several. */
export function poolGauges({ knex, route }: Instance): readonly PoolGauge[] {
  const pools = route?.pools.all ?? [{ name: 'pool', client: knex.client as KnexClient }]
  return pools.map(({ name, client }) => ({ name, read: () => stateOf(client) }))
}

function stateOf(client: KnexClient): PoolState | undefined {
  const { pool, config } = client
  // It was closed.
  if (!pool) return { used: 0, free: 0, pending: 0, max: undefined }
  const max = poolSize(client)
  if (pool.numUsed && pool.numFree && pool.numPendingAcquires) {
    return { used: pool.numUsed(), free: pool.numFree(), pending: pool.numPendingAcquires(), max }
  }
  // The driver's own.
  const { totalCount, idleCount, waitingCount } = config.connectionPool ?? {}
  if (totalCount === undefined || idleCount === undefined || waitingCount === undefined) return undefined
  return { used: totalCount - idleCount, free: idleCount, pending: waitingCount, max }
}
