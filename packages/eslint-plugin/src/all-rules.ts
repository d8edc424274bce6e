import type { RuleDocs } from './create-rule.ts'
import noNestedTransaction from './rules/no-nested-transaction.ts'
import noSavepoint from './rules/no-savepoint.ts'
import noUpsert from './rules/no-upsert.ts'

/** Every rule, as it was made. */
export const allRules = {
  'no-nested-transaction': noNestedTransaction,
  'no-savepoint': noSavepoint,
  'no-upsert': noUpsert,
} satisfies Record<string, { meta: { docs?: RuleDocs } }>

export type RuleName = keyof typeof allRules
