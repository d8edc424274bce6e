import type { Backend } from '../backend/backend.ts'
import { inject } from '../backend/inject.ts'

/**
 * How long the names are believed. Which functions a text means is asked each time there is any doubt about it; only that
 * there is none about PostgreSQL's own names is remembered, and for no longer than this.
 */
const believedMs = 1000

const shadowingNames = `
  SELECT pg_catalog.json_agg(DISTINCT p.proname) FROM pg_catalog.pg_proc p
  WHERE p.pronamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema'))
    AND EXISTS (SELECT FROM pg_catalog.pg_proc b WHERE b.proname = p.proname AND b.oid < 16384)`

/** Which of PostgreSQL's own names for functions are also names of others, in one database. */
export class Shadowing {
  #names: ReadonlySet<string> = new Set()
  #believedUntil = 0
  #asking: Promise<void> | undefined

  /** Whether it has to be asked before {@link includesAny} means anything. */
  get stale(): boolean {
    return performance.now() >= this.#believedUntil
  }

  includesAny(names: readonly string[]): boolean {
    return this.#names.size > 0 && names.some((name) => this.#names.has(name))
  }

  /** Asks, or waits for another session that does. @throws BackendLost */
  refresh(server: Backend): Promise<void> {
    return (this.#asking ??= this.#ask(server).finally(() => (this.#asking = undefined)))
  }

  async #ask(server: Backend): Promise<void> {
    const { row } = await inject(server, shadowingNames)
    this.#names = new Set(row[0] == null ? [] : (JSON.parse(row[0]) as string[]))
    this.#believedUntil = performance.now() + believedMs
  }
}
