import type { RuleId } from '@knex-flatten/sql-support'

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
