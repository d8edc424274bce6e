import { lex } from '../text/lex.ts'
import type { Gap } from './gap.ts'

/** Which of Knex's placeholders a text has: `?` and `??`, `:name` and `:name:`, or all of them. */
export type Placeholders = 'positional' | 'named' | 'all' | 'none'

const NAMED = /:[A-Za-z_]\w*(?::(?!:)|:(?=::))?/y

/** A value is a parameter; but Knex also takes a query or a list there, and writes it out. */
const valueAt = (opensStatement: boolean) =>
  opensStatement ? ['$n', '($n)'] : ['$n', '($n)', 'SELECT $n', '"k"']
const IDENTIFIER = ['"k"']

/**
 * The placeholders of Knex in a text, each with what may stand in its place. Nothing is found in literals, quoted names
 * and comments; `::type` is a cast; `\?` and `\:name` are what remains without the backslash.
 */
export function findPlaceholders(sql: string, style: Placeholders): Gap[] {
  const gaps: Gap[] = []
  if (style === 'none' || !/[?:]/.test(sql)) return gaps
  let done = 0
  let opensStatement = true
  for (const { kind, start } of lex(sql)) {
    if (start >= done && kind === 'symbol') {
      const gap = placeholderAt(sql, start, style, opensStatement)
      if (gap) {
        gaps.push(gap)
        done = gap.end
      }
    }
    if (kind !== 'comment') opensStatement = sql[start] === ';'
  }
  return gaps
}

function placeholderAt(
  sql: string,
  at: number,
  style: Placeholders,
  opensStatement: boolean,
): Gap | undefined {
  const character = sql[at]
  if (character === '\\' && (sql[at + 1] === '?' || sql[at + 1] === ':')) {
    return { start: at, end: at + 2, candidates: [sql[at + 1]!] }
  }
  if (character === '?' && style !== 'named') {
    if (sql[at + 1] === '?') return { start: at, end: at + 2, candidates: IDENTIFIER }
    return { start: at, end: at + 1, candidates: valueAt(opensStatement) }
  }
  if (character !== ':' || style === 'positional' || sql[at - 1] === ':') return undefined
  NAMED.lastIndex = at
  if (!NAMED.test(sql)) return undefined
  const end = NAMED.lastIndex
  return { start: at, end, candidates: sql[end - 1] === ':' ? IDENTIFIER : valueAt(opensStatement) }
}
