import type { Knex } from 'knex'
import type { ObservationLog } from '../observe/observation-log.ts'
import type { CrossingRules } from '../crossings/crossing-count.ts'
import type { FlattenSettings } from '../options/flatten-settings.ts'
import type { HookCapture } from '../transaction/hook-capture.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import type { Guard } from './guard.ts'
import type { Pools } from './pools.ts'
import type { Route } from './route.ts'
import type { TestSession } from './test-session.ts'

/** One wrapped Knex instance, with its clones by `withUserParams`: the owner of the roots opened on it. */
export interface Instance {
  readonly knex: Knex
  readonly settings: FlattenSettings
  /** The roots that wait for a `requires-new` inside them to get a connection, once for each that waits. */
  readonly waitingForConnection: Map<RootTransaction, number>
  /** What is not to be sent; `undefined`: everything is. */
  readonly guard?: Guard | undefined
  /** How it chooses among several pools; `undefined`: it has one. */
  readonly route?: Route | undefined
  /** Where its connections come from: of several pools, or of its own. */
  readonly pools: Pools
  /** Whether each server is to be asked, on connecting, if it is a reader, and its session put into a mode. */
  readonly asksRoles: boolean
  /** How crossings to the writer are counted. */
  readonly crossings: CrossingRules
  /** What was seen where nothing is flattened, only observed. */
  readonly observed?: ObservationLog | undefined
  /** What stands in for the pool while a test runs. */
  testing?: TestSession | undefined
  /** Who is told of the hooks behind COMMIT. */
  capturing?: HookCapture | undefined
}
