import { LRUCache } from 'lru-cache'
import { parse } from '../grammar/parse.ts'
import type { ParseResult } from '../grammar/parse.ts'
import type { Statement } from '../statement.ts'
import { contextOf } from './context.ts'
import { readStatement } from './read-statement.ts'

const MAX_TEXTS = 5_000
const MAX_CHARACTERS = 8 * 1024 * 1024

const seen = new LRUCache<string, readonly Statement[]>({
  max: MAX_TEXTS,
  maxSize: MAX_CHARACTERS,
  maxEntrySize: MAX_CHARACTERS / 16,
  sizeCalculation: (_statements, sql) => sql.length + 1,
})

/**
 * What a text does, statement by statement: kinds, reads, writes, locks, functions, transaction control, and every rule
 * of the support table it touches, with the words that touch it.
 *
 * A text that does not parse is one statement of kind `unparsed` that counts as a write; an empty one, or one of comments
 * alone, is none. Never throws. The result is frozen and kept by text, so asking again costs next to nothing.
 *
 * @example
 * const [statement] = classify('SELECT * FROM orders FOR UPDATE')
 * statement?.locks // true
 */
export function classify(sql: string): readonly Statement[] {
  const known = seen.get(sql)
  if (known) return known
  const parsed = parse(sql)
  const statements = Object.freeze(parsed.ok ? readAll(sql, parsed) : [unparsed(sql, parsed.offset)])
  // With more stack left the same text may parse.
  if (parsed.ok || !parsed.exhausted) seen.set(sql, statements)
  return statements
}

function readAll(sql: string, parsed: ParseResult & { ok: true }): readonly Statement[] {
  const context = contextOf(sql)
  return parsed.statements.map(({ node, start, end }) =>
    readStatement(node, context.words.trim(start, end), context),
  )
}

function unparsed(sql: string, offset: number): Statement {
  const { words } = contextOf(sql)
  const stretch = words.trim(0, sql.length)
  return Object.freeze({
    kind: 'unparsed',
    start: stretch.start,
    end: stretch.end,
    text: sql.slice(stretch.start, stretch.end),
    reads: true,
    writes: true,
    locks: false,
    functions: Object.freeze([]),
    hits: Object.freeze([Object.freeze({ rule: 'unparsed', ...words.at(offset) })]),
  } satisfies Statement)
}
