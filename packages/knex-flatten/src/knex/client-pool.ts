import type { Lender } from '../routing/reader-set.ts'
import { poolSize } from './handed-pool.ts'
import type { Connection, KnexClient, QueryObject } from './internals.ts'

/** The pool of one of the Knex instances behind a routed one, below everything that this library puts over it. */
export class ClientPool implements Lender {
  readonly client: KnexClient
  /** What it is called where its state is told. */
  readonly name: string
  readonly #below: KnexClient

  /** @param below - the client's own methods: its dialect's prototype, where the client itself is the one that routes. */
  constructor(client: KnexClient, name: string, below: KnexClient = client) {
    this.client = client
    this.name = name
    this.#below = below
  }

  get busy(): number {
    const { pool } = this.client
    return (pool?.numUsed?.() ?? 0) + (pool?.numPendingAcquires?.() ?? 0)
  }

  /** All the connections it may have are in use: who asks for one waits for another to be given back. Assumed where it does not say. */
  get isFull(): boolean {
    const used = this.client.pool?.numUsed?.()
    const size = poolSize(this.client)
    return used === undefined || size === undefined || used >= size
  }

  take(): Promise<Connection> {
    return this.#below.acquireConnection.call(this.client)
  }

  giveBack(connection: Connection): Promise<unknown> {
    return this.#below.releaseConnection.call(this.client, connection)
  }

  /** Sends a text, past Knex's events. */
  ask(connection: Connection, sql: string): Promise<QueryObject> {
    return this.#below._query.call(this.client, connection, { sql })
  }

  /** Closes a connection; it is to be given back all the same. */
  discard(connection: Connection): Promise<unknown> {
    return this.#below.destroyRawConnection.call(this.client, connection)
  }

  /** Asks its server to cancel what runs on a connection. */
  cancel(connection: Connection): Promise<unknown> {
    return this.#below.cancelQuery.call(this.client, connection)
  }

  /** Closes it. */
  destroy(): Promise<void> {
    return this.#below.destroy.call(this.client)
  }
}
