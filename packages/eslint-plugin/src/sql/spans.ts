import { classifyTemplate, type RuleId, type Span } from '@knex-flatten/sql-support'
import { callsMore, isWorthParsing, opensStatement } from './worth-parsing.ts'

/** What a text stands in place of values: Knex's placeholders, or only PostgreSQL's own. */
export type Placeholders = 'all' | 'none'

/** What a text is, by the call that takes it. */
export type Role =
  /** One or more whole statements. */
  | 'statement'
  /** Either: Knex's `raw` makes whole queries and parts of them. */
  | 'any'
  /** A part of a query; before it stands what makes it one. */
  | { readonly behind: string }

/** A row of the support table, and where the words that touch it stand in the chunks joined. */
export type RuleSpan = Span & { readonly rule: RuleId }

const none: readonly RuleSpan[] = []

/** What a text touches; nothing where it is not PostgreSQL's SQL. */
export function spansIn(
  chunks: readonly string[],
  role: Role,
  placeholders: Placeholders,
): readonly RuleSpan[] {
  const whole = chunks.join(' ')
  if (!isWorthParsing(whole)) return none
  if (typeof role === 'object') return ofFragment(chunks, role.behind, placeholders)

  if (opensStatement(whole)) {
    const spans = ofStatements(chunks, placeholders)
    if (spans !== undefined) return withoutGuesses(chunks, spans)
  }
  const clause = afterQuery(chunks, placeholders)
  if (clause.length > 0) return clause
  return role === 'any' && callsMore(whole) ? ofFragment(chunks, 'SELECT ', placeholders) : none
}

function ofStatements(
  chunks: readonly string[],
  placeholders: Placeholders,
): readonly RuleSpan[] | undefined {
  const statements = classifyTemplate(chunks, placeholders)
  if (statements.every(({ kind }) => kind === 'unparsed')) return undefined
  return statements.flatMap(({ hits }) => hits).filter(({ rule }) => rule !== 'unparsed')
}

/** An expression, a condition or a list: read within the least that makes it a query. */
function ofFragment(
  chunks: readonly string[],
  behind: string,
  placeholders: Placeholders,
): readonly RuleSpan[] {
  if (!callsMore(chunks.join(' '))) return none
  const [first = '', ...others] = chunks
  const spans = ofStatements([behind + first, ...others], placeholders) ?? none
  return withoutGuesses(chunks, movedBy(-behind.length, spans))
}

const someInsert = 'INSERT INTO t VALUES (1)'

/** `? ON CONFLICT DO NOTHING`: an INSERT built elsewhere and a clause after it. */
function afterQuery(chunks: readonly string[], placeholders: Placeholders): readonly RuleSpan[] {
  const [first = '', second, ...others] = chunks
  const asPlaceholder = /^\s*\?(?=\s+ON\s+CONFLICT\b)/iu.exec(first)
  if (asPlaceholder) {
    const length = asPlaceholder[0].length
    const insert = [someInsert + first.slice(length), ...chunks.slice(1)]
    return movedBy(length - someInsert.length, ofStatements(insert, placeholders) ?? none)
  }
  if (first.trim() !== '' || second === undefined || !/^\s+ON\s+CONFLICT\b/iu.test(second)) return none
  const insert = [someInsert + second, ...others]
  return movedBy(first.length - someInsert.length, ofStatements(insert, placeholders) ?? none)
}

function movedBy(distance: number, spans: readonly RuleSpan[]): readonly RuleSpan[] {
  return spans.map(({ rule, start, end }) => ({ rule, start: start + distance, end: end + distance }))
}

/** Whose function it is cannot be told where a hole is part of its name: `jsonb_${kind}(…)`. */
function withoutGuesses(chunks: readonly string[], spans: readonly RuleSpan[]): readonly RuleSpan[] {
  const holes: number[] = []
  let length = 0
  for (const chunk of chunks.slice(0, -1)) holes.push((length += chunk.length))
  return spans.filter(
    ({ rule, start, end }) => rule !== 'user-function' || !holes.some((hole) => start <= hole && hole <= end),
  )
}
