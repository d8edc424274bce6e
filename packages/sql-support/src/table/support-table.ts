import type { RuleId } from '../statement.ts'
import { CODE_RULES } from './code.ts'
import { DEFINITION_RULES } from './definitions.ts'
import type { SupportEntry, SupportRow } from './entry.ts'
import { ROW_RULES } from './rows.ts'
import { TRANSACTION_RULES } from './transactions.ts'

const rows: Readonly<Record<RuleId, SupportRow>> = {
  ...TRANSACTION_RULES,
  ...ROW_RULES,
  ...DEFINITION_RULES,
  ...CODE_RULES,
}

/**
 * The one table of what Aurora PostgreSQL write forwarding accepts: guard, linter, emulator, doctor and the page "what
 * forwards" all read it.
 */
export const supportTable: Readonly<Record<RuleId, SupportEntry>> = Object.freeze(
  Object.fromEntries(Object.entries(rows).map(([id, row]) => [id, Object.freeze({ id, ...row })])),
) as Readonly<Record<RuleId, SupportEntry>>

/** Every rule id, in the table's order. */
export const ruleIds: readonly RuleId[] = Object.freeze(Object.keys(supportTable) as RuleId[])
