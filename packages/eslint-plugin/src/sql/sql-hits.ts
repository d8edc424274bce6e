import type { RuleId } from '@knex-flatten/sql-support'
import type { TSESLint, TSESTree } from '@typescript-eslint/utils'
import type { SqlSite } from './sites.ts'
import { spansIn } from './spans.ts'
import type { Place, SqlText } from './sql-text.ts'

/** A row of the support table that SQL in the source touches, and the words that touch it. */
export interface SqlHit {
  readonly rule: RuleId
  readonly loc: TSESTree.SourceLocation
  /** The words themselves, a function's name as a call. */
  readonly words: string
}

/** Rows whose words are a function's name. */
const calls = new Set<RuleId>([
  'user-function',
  'sequence',
  'advisory-lock',
  'writer-function',
  'large-object',
])

/** What `text` touches, in the order of the text; all of the site is underlined where the text was written elsewhere. */
export function sqlHitsIn(source: Readonly<TSESLint.SourceCode>, text: SqlText, site: SqlSite): SqlHit[] {
  const chunks = text.map((chunk) => chunk.text)
  const whole = chunks.join('')
  return spansIn(chunks, site.role, site.placeholders).map(({ rule, start, end }) => {
    const [from, to] = [placeAt(text, start), placeAt(text, end - 1)]
    const written = whole.slice(start, end).replaceAll(/\s+/gu, ' ')
    const isCall = calls.has(rule) || /^pg_\w+$/iu.test(written)
    const words = isCall ? `${written}()` : written.toUpperCase()
    if (typeof from === 'object') {
      return { rule, loc: from.namedBy.loc, words: `${words} (${from.file}:${from.line})` }
    }
    const isHere = from !== undefined && typeof to === 'number' && from <= to
    const loc = isHere
      ? { start: source.getLocFromIndex(from), end: source.getLocFromIndex(to + 1) }
      : site.at.loc
    return { rule, loc, words }
  })
}

function placeAt(text: SqlText, offset: number): Place | undefined {
  let rest = offset
  for (const chunk of text) {
    if (rest < chunk.text.length) return chunk.placeOf?.(rest)
    rest -= chunk.text.length
  }
  return undefined
}
