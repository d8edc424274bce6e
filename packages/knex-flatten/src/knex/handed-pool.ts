import type { Connection, KnexClient } from './internals.ts'

/** How many connections there can be; `undefined` where nobody says. A pool of the driver's own, which Knex takes from 3.3 on, says so in its options. */
export function poolSize({ pool, config }: KnexClient): number | undefined {
  return pool?.max ?? config.connectionPool?.options?.max
}

/** How long whoever uses this client is ready to wait, milliseconds; Knex's own default where nothing is said. */
export function patienceOf({ config }: KnexClient): number {
  return config.acquireConnectionTimeout ?? 60_000
}

/**
 * Listens for the loss of a connection out of a pool that Knex was handed, as Knex does on those that it opens itself: otherwise nobody
 * would know of it, and its error would end the process.
 */
export function heedLoss({ config }: KnexClient, connection: Connection): void {
  if (!config.connectionPool || connection.listenerCount?.('error') !== 0) return
  connection.on?.('error', (error) => {
    connection.__knex__disposed ??= error
  })
}
