import type { RuleDocs } from './create-rule.ts'
import noAdvisoryLock from './rules/no-advisory-lock.ts'
import noConcurrentQueries from './rules/no-concurrent-queries.ts'
import noConflictingScopeOptions from './rules/no-conflicting-scope-options.ts'
import noCursor from './rules/no-cursor.ts'
import noForeignConnection from './rules/no-foreign-connection.ts'
import noNestedTransaction from './rules/no-nested-transaction.ts'
import noSavepoint from './rules/no-savepoint.ts'
import noSideEffectInTransaction from './rules/no-side-effect-in-transaction.ts'
import noSwallowedError from './rules/no-swallowed-error.ts'
import noUnpublishedStatement from './rules/no-unpublished-statement.ts'
import noUnsupportedIsolation from './rules/no-unsupported-isolation.ts'
import noUnsupportedStatement from './rules/no-unsupported-statement.ts'
import noUpsert from './rules/no-upsert.ts'
import noWriteInLoop from './rules/no-write-in-loop.ts'
import requireReadOnly from './rules/require-read-only.ts'

/** Every rule, as it was made. */
export const allRules = {
  'no-advisory-lock': noAdvisoryLock,
  'no-concurrent-queries': noConcurrentQueries,
  'no-conflicting-scope-options': noConflictingScopeOptions,
  'no-cursor': noCursor,
  'no-foreign-connection': noForeignConnection,
  'no-nested-transaction': noNestedTransaction,
  'no-savepoint': noSavepoint,
  'no-side-effect-in-transaction': noSideEffectInTransaction,
  'no-swallowed-error': noSwallowedError,
  'no-unpublished-statement': noUnpublishedStatement,
  'no-unsupported-isolation': noUnsupportedIsolation,
  'no-unsupported-statement': noUnsupportedStatement,
  'no-upsert': noUpsert,
  'no-write-in-loop': noWriteInLoop,
  'require-read-only': requireReadOnly,
} satisfies Record<string, { meta: { docs?: RuleDocs } }>

export type RuleName = keyof typeof allRules
