import type { Strategy } from '../routing/strategy.ts'
import type { Pools } from './pools.ts'

/** How an instance with several pools chooses among them. */
export interface Route {
  readonly strategy: Strategy
  readonly pools: Pools
}
