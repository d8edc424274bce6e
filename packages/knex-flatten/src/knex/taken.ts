import type { RouteChoice } from '../routing/choice.ts'
import type { Connection } from './internals.ts'

/** Takes back the connections that came from it. */
interface Giver {
  /** @param wrote - what was done on it may have stored something. */
  giveBack(connection: Connection, wrote?: boolean): Promise<unknown>
  /** Closes a connection; it is to be given back all the same. */
  discard(connection: Connection): Promise<unknown>
}

/** A connection, and where it came from in the end. */
export interface Taken {
  readonly connection: Connection
  readonly choice: RouteChoice
  readonly from: Giver
}

/** Closes a connection that may still be waiting for an answer; it is to be given back all the same. */
export async function discard({ connection, from }: Taken): Promise<void> {
  // Knex's pool looks at the mark when it next lends it.
  connection.__knex__disposed ??= new Error('What it was waiting for took too long.')
  await from.discard(connection).catch(() => undefined)
}
