import type { RuleDocs } from './create-rule.ts'
import noNestedTransaction from './rules/no-nested-transaction.ts'
import noSavepoint from './rules/no-savepoint.ts'
import noUpsert from './rules/no-upsert.ts'

export type RuleName = 'no-nested-transaction' | 'no-savepoint' | 'no-upsert'

/** Every rule, as it was made. */
export const allRules = {
  'no-nested-transaction': noNestedTransaction,
  'no-savepoint': noSavepoint,
  'no-upsert': noUpsert,
} satisfies Record<RuleName, { meta: { docs?: RuleDocs } }>
