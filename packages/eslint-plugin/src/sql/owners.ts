import { ruleIds, type RuleId } from '@knex-flatten/sql-support'

/** Rows of the support table that a lint rule of their own is about; `unparsed` is no statement that anything is known of. */
const ownedElsewhere: ReadonlySet<RuleId> = new Set([
  'savepoint',
  'cursor',
  'portal-fetch',
  'serializable',
  'read-write',
  'advisory-lock',
  'on-conflict',
  'merge',
  'unparsed',
])

/** The rows that no other lint rule is about. */
export const remainingRows: ReadonlySet<RuleId> = new Set(ruleIds.filter((row) => !ownedElsewhere.has(row)))
