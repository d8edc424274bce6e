import { classifyKnex } from '@knex-flatten/sql-support'
import { LRUCache } from 'lru-cache'

const MAX_TEXTS = 5_000
const MAX_CHARACTERS = 8 * 1024 * 1024

/** Knows of each text, asked once, whether a reader would send it on to the writer. */
export class ForwardedTexts {
  readonly #seen = new LRUCache<string, boolean>({
    max: MAX_TEXTS,
    maxSize: MAX_CHARACTERS,
    maxEntrySize: MAX_CHARACTERS / 16,
    sizeCalculation: (_forwarded, sql) => sql.length + 1,
  })

  /** Whether a text, as Knex takes it, writes or locks rows. */
  has(sql: string): boolean {
    const known = this.#seen.get(sql)
    if (known !== undefined) return known
    const forwarded = classifyKnex(sql).some(({ writes, locks }) => writes || locks)
    this.#seen.set(sql, forwarded)
    return forwarded
  }
}
