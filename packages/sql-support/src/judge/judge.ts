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
 * writes; whether it is, AWS says of INSERT, UPDATE and DELETE alone. PREPARE is judged as what it prepares. EXECUTE is `local`: only who knows the prepared statement can tell.
 *
 * @throws {TypeError} when the profile is not valid; see {@link resolveProfile}.
 *
 * @example
 * judge(classify('SAVEPOINT a')[0]!, 'aws-local').verdict // 'refuse'
 */
export function judge(statement: Statement, profile: AwsProfile | ForwardingProfile): Judgement {
  const { verdicts } = resolveProfile(profile)
  const named = changesRows(statement)
  let verdict: Verdict = named ? 'forward' : 'local'
  let decisive: RuleHit | undefined
  for (const hit of statement.hits) {
    const severity = SEVERITY[verdicts[hit.rule].verdict]
    // A rule comes before the plain verdict where both say the same.
    if (severity < SEVERITY[verdict] || (decisive && severity === SEVERITY[verdict])) continue
    decisive = hit
    verdict = verdicts[hit.rule].verdict
  }
  if (!decisive) {
    const span = spanOf(statement)
    return statement.writes && !named
      ? { verdict: 'forward', known: 'unknown', span }
      : { verdict, known: 'documented', span }
  }
  return { verdict, known: verdicts[decisive.rule].known, rule: decisive.rule, span: spanOf(decisive) }
}

const spanOf = ({ start, end }: Span): Span => ({ start, end })

/** Whether the statement, or the one inside it, is by its kind among those that AWS names as forwarded. */
function changesRows({ kind, inner }: Statement): boolean {
  return (
    kind === 'insert' || kind === 'update' || kind === 'delete' || (inner !== undefined && changesRows(inner))
  )
}
