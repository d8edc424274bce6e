import type { SyntaxNode } from '../grammar/parse.ts'
import type { Span } from '../statement.ts'
import type { Context } from './context.ts'
import { constantText, isOff, options } from './nodes.ts'

/** EXPLAIN with ANALYZE runs what it explains; of several mentions the last counts. */
export function explainsByRunning(fields: SyntaxNode): boolean {
  const analyze = options(fields.options).findLast(({ defname }) => defname === 'analyze')
  if (!analyze) return false
  const { arg } = analyze
  if (arg === undefined) return true
  if ('String' in arg) return !isOff(arg.String.sval)
  if ('Integer' in arg) return (arg.Integer.ival ?? 0) !== 0
  return !isOff(constantText(arg))
}

/** Where the statement inside PREPARE, EXPLAIN or DECLARE begins. */
export function innerStart(
  type: 'ExplainStmt' | 'PrepareStmt' | 'DeclareCursorStmt',
  fields: SyntaxNode,
  stretch: Span,
  { words }: Context,
): number {
  if (type === 'ExplainStmt') {
    const optionsAt = words.after(['EXPLAIN'], stretch.start)
    return fields.options !== undefined && words.isAt('(', optionsAt)
      ? words.afterParentheses(optionsAt)
      : words.after(['EXPLAIN', 'ANALYZE', 'ANALYSE', 'VERBOSE'], stretch.start)
  }
  const keyword = type === 'PrepareStmt' ? 'AS' : 'FOR'
  const found = words.find([keyword], stretch.start, stretch.end)
  return words.after([keyword], found?.start ?? stretch.start)
}
