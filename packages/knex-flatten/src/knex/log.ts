import type { KnexClient } from './internals.ts'

/** Writes to Knex's log. One of the application's that throws keeps nobody from going on. */
export function warn({ logger }: Pick<KnexClient, 'logger'>, message: string): void {
  try {
    logger.warn(`knex-flatten: ${message}`)
  } catch {
    // There is nowhere else to tell it.
  }
}
