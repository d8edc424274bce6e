import type { Known, RuleHit, RuleId, Span, Statement, Verdict } from '../statement.ts'
import type { AwsProfile } from '../table/entry.ts'
import { resolveProfile } from './profile.ts'
import type { ForwardingProfile } from './profile.ts'

/** What becomes of a statement on a forwarding reader. */
export interface Judgement {
  readonly verdict: Verdict
  /** The rule that decided; `undefined` for an ordinary read or write. */
  readonly rule?: RuleId
  readonly known: Known
  /** The words that decided; the whole statement where no rule did. */
  readonly span: Span
}

const SEVERITY: Readonly<Record<Verdict, number>> = { local: 0, forward: 1, refuse: 2 }

/**
 * Judges a statement under a profile: the most severe of the rules it touches (refuse over forward over local), the
 * first of them where several are equal. What touches no rule runs on the reader if it reads and is forwarded if it
 * writes. PREPARE is judged as what it prepares. EXECUTE is `local`: only who knows the prepared statement can tell.
 *
 * @throws {TypeError} when the profile is not valid; see {@link resolveProfile}.
 *
 * @example
 * judge(classify('SAVEPOINT a')[0]!, 'aws-local').verdict // 'refuse'
 */
export function judge(statement: Statement, profile: AwsProfile | ForwardingProfile): Judgement {
  const { verdicts } = resolveProfile(profile)
  const plain: Verdict = changesRows(statement) ? 'forward' : 'local'
  let worst: RuleHit | undefined
  for (const hit of statement.hits) {
    const severity = SEVERITY[verdicts[hit.rule].verdict]
    if (severity >= SEVERITY[plain] && (!worst || severity > SEVERITY[verdicts[worst.rule].verdict]))
      worst = hit
  }
  if (worst)
    return { ...verdicts[worst.rule], rule: worst.rule, span: { start: worst.start, end: worst.end } }
  return { verdict: plain, known: 'documented', span: { start: statement.start, end: statement.end } }
}

/** Whether the statement, or the one inside it, is by its kind among those that AWS names as forwarded. */
function changesRows({ kind, inner }: Statement): boolean {
  return (
    kind === 'insert' || kind === 'update' || kind === 'delete' || (inner !== undefined && changesRows(inner))
  )
}
