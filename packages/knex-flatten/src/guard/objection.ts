import {
  type AwsProfile,
  type ForwardingProfile,
  judge,
  type RuleId,
  type Statement,
} from '@knex-flatten/sql-support'

/** What keeps a statement from running on a forwarding reader. */
export interface Objection {
  /** The row of the support table that decided. */
  readonly rule: RuleId
  /** `refuse`: the reader refuses it. `unsure`: nobody has published what it does. */
  readonly how: 'refuse' | 'unsure'
  /** The words of the statement that decided. */
  readonly words: string
  readonly sql: string
}

/** The first thing in a text that a reader refuses. */
export function refusalIn(
  statements: readonly Statement[],
  sql: string,
  profile: AwsProfile | ForwardingProfile,
): Objection | undefined {
  for (const statement of statements) {
    const { verdict, rule, span } = judge(statement, profile)
    if (verdict === 'refuse' && rule !== undefined) {
      return { rule, how: 'refuse', words: sql.slice(span.start, span.end), sql }
    }
  }
  return undefined
}
