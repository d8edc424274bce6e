import { classifyKnex } from '@knex-flatten/sql-support'
import { rootsAround } from '../transaction/context.ts'
import { controlRefused, queryBesideRoot } from '../transaction/test-verdicts.ts'
import type { Instance } from './instance.ts'
import type { QueryObject } from './internals.ts'

/** Why a query on the instance cannot run here, while a test holds the only connection: it is inside a root that is on it. */
export function refuseBesideRoot(instance: Instance, sql: () => string | undefined): Error | undefined {
  const holder = instance.testing?.holderAmong(rootsAround(instance))
  return holder && queryBesideRoot(holder, sql())
}

/** Most texts have none of these words, and need not be parsed. */
const WORDS = /\b(?:begin|start|commit|end|rollback|abort|prepare)\b/i

const ENDS: readonly string[] = ['begin', 'commit', 'rollback', 'prepare-transaction']

/** Why a statement of the application's must not be sent in a test. Knex's own come as plain texts. */
export function refuseControl({ testing }: Instance, statement: string | QueryObject): Error | undefined {
  if (!testing || typeof statement === 'string' || !WORDS.test(statement.sql)) return undefined
  return classifyKnex(statement.sql).some(
    ({ transaction }) => transaction && ENDS.includes(transaction.action),
  )
    ? controlRefused(statement.sql, testing.site)
    : undefined
}
