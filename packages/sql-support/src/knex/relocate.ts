import type { RuleHit, Span, Statement } from '../statement.ts'
import type { Rewritten } from './rewritten.ts'

/** The same statement with its places in the original text. What was found in made-up text is dropped. */
export function relocate(statement: Statement, rewritten: Rewritten, original: string): Statement {
  const span = rewritten.toOriginalSpan(statement)
  const { inner } = statement
  return Object.freeze({
    ...statement,
    ...span,
    text: original.slice(span.start, span.end),
    functions: moved(statement.functions, rewritten),
    hits: moved<RuleHit>(statement.hits, rewritten),
    ...(inner && { inner: relocate(inner, rewritten, original) }),
  })
}

function moved<Item extends Span>(items: readonly Item[], rewritten: Rewritten): readonly Item[] {
  const kept = items.filter((item) => !rewritten.isMadeUp(item))
  return Object.freeze(kept.map((item) => Object.freeze({ ...item, ...rewritten.toOriginalSpan(item) })))
}
