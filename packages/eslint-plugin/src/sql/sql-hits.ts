import { classifyTemplate, type RuleId, type Span } from '@knex-flatten/sql-support'
import type { TSESLint, TSESTree } from '@typescript-eslint/utils'
import type { SqlText } from './sql-text.ts'

/** A rule of the support table that SQL in the source touches, and the words that touch it. */
export interface SqlHit {
  readonly rule: RuleId
  readonly loc: TSESTree.SourceLocation
  /** The words themselves. */
  readonly words: string
}

/** What a file may write in place of values: Knex's placeholders, or only PostgreSQL's own. */
export type Placeholders = 'all' | 'none'

/** What `text` touches, in the order of the text; `at` is underlined where the text was written in another file. */
export function sqlHitsIn(
  source: Readonly<TSESLint.SourceCode>,
  text: SqlText,
  placeholders: Placeholders,
  at: TSESTree.Node,
): SqlHit[] {
  const chunks = text.map((chunk) => chunk.text)
  const whole = chunks.join('')
  return spansIn(chunks, placeholders).map(({ rule, start, end }) => {
    const [from, to] = [toFile(text, start), toFile(text, end - 1)]
    const isHere = from !== undefined && to !== undefined
    const loc = isHere ? { start: source.getLocFromIndex(from), end: source.getLocFromIndex(to + 1) } : at.loc
    return { rule, loc, words: whole.slice(start, end).toUpperCase() }
  })
}

type RuleSpan = Span & { readonly rule: RuleId }

function spansIn(chunks: readonly string[], placeholders: Placeholders): readonly RuleSpan[] {
  const statements = classifyTemplate(chunks, placeholders)
  if (statements.every(({ kind }) => kind === 'unparsed')) return spansAfterQuery(chunks, placeholders)
  return statements.flatMap(({ hits }) => hits)
}

const someInsert = 'INSERT INTO t VALUES (1)'

/** `? ON CONFLICT DO NOTHING`: an INSERT built elsewhere and a clause after it. */
function spansAfterQuery(chunks: readonly string[], placeholders: Placeholders): readonly RuleSpan[] {
  const [first = '', second] = chunks
  const asPlaceholder = /^\s*\?(?=\s+ON\s+CONFLICT\b)/iu.exec(first)
  if (asPlaceholder) {
    const length = asPlaceholder[0].length
    const insert = [someInsert + first.slice(length), ...chunks.slice(1)]
    return movedBy(length - someInsert.length, classifyTemplate(insert, placeholders))
  }
  if (first.trim() !== '' || second === undefined || !/^\s+ON\s+CONFLICT\b/iu.test(second)) return []
  const insert = [someInsert + second, ...chunks.slice(2)]
  return movedBy(first.length - someInsert.length, classifyTemplate(insert, placeholders))
}

function movedBy(distance: number, statements: ReturnType<typeof classifyTemplate>): readonly RuleSpan[] {
  return statements
    .flatMap(({ hits }) => hits)
    .map(({ rule, start, end }) => ({ rule, start: start + distance, end: end + distance }))
}

function toFile(text: SqlText, offset: number): number | undefined {
  let rest = offset
  for (const chunk of text) {
    if (rest < chunk.text.length) {
      const place = chunk.toFile?.(rest)
      return place === undefined || Number.isNaN(place) ? undefined : place
    }
    rest -= chunk.text.length
  }
  return undefined
}
