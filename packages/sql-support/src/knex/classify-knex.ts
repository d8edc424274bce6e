import { classify } from '../classify/classify.ts'
import type { Statement } from '../statement.ts'
import { fill, fillToParse } from './gap.ts'
import type { Gap } from './gap.ts'
import { findHoles } from './holes.ts'
import { findPlaceholders } from './placeholders.ts'
import type { Placeholders } from './placeholders.ts'
import { relocate } from './relocate.ts'
import type { Rewritten } from './rewritten.ts'

/**
 * Turns a text as Knex takes it (`?`, `??`, `:name`, `:name:`) into one that PostgreSQL's grammar reads, and tells where
 * everything came from. Where nothing makes it parse, each placeholder is filled with what is likeliest.
 *
 * @param placeholders which ones to look for; `all` unless told.
 *
 * @example
 * const { text, toOriginal } = fromKnex('SELECT ?? FROM t WHERE id = ?')
 * text // 'SELECT "k" FROM t WHERE id = $2'
 */
export function fromKnex(
  sql: string,
  placeholders: Placeholders = 'all',
): { readonly text: string; readonly toOriginal: (offset: number) => number } {
  const { text, rewritten } = attempt(sql, findPlaceholders(sql, placeholders))
  return { text, toOriginal: (offset) => rewritten.toOriginal(offset) }
}

/**
 * {@link classify} for a text as Knex takes it; all places are those of that text.
 *
 * Whether a text has positional or named placeholders depends on the bindings, which are not known here. So a text that
 * does not parse with both kinds is read with either, then as it stands: `a[1:n]` has a slice, not a placeholder.
 */
export function classifyKnex(sql: string, placeholders: Placeholders = 'all'): readonly Statement[] {
  const styles: Placeholders[] =
    placeholders === 'all' ? ['all', 'positional', 'named', 'none'] : [placeholders]
  return classifyFirst(
    sql,
    styles.map((style) => findPlaceholders(sql, style)),
  )
}

/**
 * {@link classify} for a template with holes: literal chunks, and between each two something known only at run time.
 * Places are those of `chunks.join('')`, where a hole takes no room. A hole may be a value, a name, a condition, a whole
 * clause or nothing: what lets the rest parse is tried in turn. No rule is ever found in a hole, and a template of which
 * nothing is known, or that no filling lets parse, is `unparsed`.
 *
 * @param placeholders Knex's placeholders to look for in the chunks; none unless told.
 *
 * @example
 * classifyTemplate(['SAVEPOINT ', ''])[0]?.hits[0]?.rule // 'savepoint'
 */
export function classifyTemplate(
  chunks: readonly string[],
  placeholders: Placeholders = 'none',
): readonly Statement[] {
  const sql = chunks.join('')
  if (chunks.length < 2) return classifyKnex(sql, placeholders)
  const statements = classifyFirst(sql, [findHoles(chunks, placeholders)])
  return statements.length === 0 ? [unknown(sql)] : statements
}

function classifyFirst(sql: string, fillings: readonly (readonly Gap[])[]): readonly Statement[] {
  const parses = fillings.map((gaps) => attempt(sql, gaps)).find(({ parsed }) => parsed)
  const { text, rewritten } = parses ?? attempt(sql, fillings[0]!)
  return classify(text).map((statement) => relocate(statement, rewritten, sql))
}

function attempt(sql: string, gaps: readonly Gap[]): { text: string; parsed: boolean; rewritten: Rewritten } {
  const filled = fillToParse(sql, gaps)
  const rewritten = filled ?? fill(sql, gaps)
  return { text: rewritten.text, parsed: filled !== undefined, rewritten }
}

/** Nothing but holes: anything may come of it. */
function unknown(sql: string): Statement {
  const span = { start: 0, end: sql.length }
  return Object.freeze({
    kind: 'unparsed',
    ...span,
    text: sql,
    reads: true,
    writes: true,
    locks: false,
    functions: Object.freeze([]),
    hits: Object.freeze([Object.freeze({ rule: 'unparsed', ...span })]),
  } satisfies Statement)
}
