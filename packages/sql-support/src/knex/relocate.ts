import type { FunctionCall, RuleHit, SettingAction, Statement } from '../statement.ts'
import type { Rewritten } from './rewritten.ts'

const QUERY = /^\s*SELECT\b/

/**
 * The same statement with its places in the original text. What was found in made-up text is dropped, since the name or
 * query that will stand there is not known; but as it may write, the statement then counts as one that does.
 */
export function relocate(statement: Statement, rewritten: Rewritten, original: string): Statement {
  const span = rewritten.toOriginalSpan(statement)
  const { inner, setting } = statement
  const hits = statement.hits.flatMap((hit, index): readonly RuleHit[] => {
    if (!rewritten.isMadeUp(hit)) return [{ ...hit, ...rewritten.toOriginalSpan(hit) }]
    return standsWhateverIsFilledIn(statement, hit, index) ? [{ ...hit, ...span }] : []
  })
  const guessed =
    hits.length < statement.hits.length || rewritten.madeUpIn(statement).some((text) => QUERY.test(text))
  return Object.freeze({
    ...statement,
    ...span,
    text: original.slice(span.start, span.end),
    writes: statement.writes || guessed,
    functions: movedFunctions(statement.functions, rewritten),
    hits: Object.freeze(hits.map((hit) => Object.freeze(hit))),
    ...(setting && { setting: movedSetting(setting, rewritten) }),
    ...(inner && { inner: relocate(inner, rewritten, original) }),
  })
}

/** A text that no filling lets parse; and CALL, whose first hit is its procedure, which is the user's by any name. */
function standsWhateverIsFilledIn({ kind }: Statement, { rule }: RuleHit, index: number): boolean {
  return rule === 'unparsed' || (kind === 'call' && index === 0)
}

function movedSetting(setting: SettingAction, rewritten: Rewritten): SettingAction {
  const { valueAt } = setting
  return valueAt ? Object.freeze({ ...setting, valueAt: rewritten.toOriginalSpan(valueAt) }) : setting
}

function movedFunctions(functions: readonly FunctionCall[], rewritten: Rewritten): readonly FunctionCall[] {
  const kept = functions.filter((called) => !rewritten.isMadeUp(called))
  return Object.freeze(
    kept.map((called) => Object.freeze({ ...called, ...rewritten.toOriginalSpan(called) })),
  )
}
