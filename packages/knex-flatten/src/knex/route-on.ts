import type { RouteChoice } from '../routing/choice.ts'
import type { Connection } from './internals.ts'
import { requestSessionOn } from './kept-session.ts'
import type { Route } from './route.ts'

/** Where what is sent on a connection runs, and why. */
export function routeOn(connection: Connection, { pools }: Route): RouteChoice | undefined {
  return requestSessionOn(connection)?.choice ?? pools.routeOf(connection)
}
