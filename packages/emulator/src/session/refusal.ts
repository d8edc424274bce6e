import { supportTable } from '@knex-flatten/sql-support'
import { errorResponse } from '../wire/error-response.ts'
import type { EndpointState } from './conversation.ts'
import type { Refusal } from './plan.ts'

/**
 * A text that every server fails at: it aborts whatever transaction it runs in, and the client is told the refusal
 * in place of the syntax error. What follows (25P02, COMMIT answered with ROLLBACK) is then PostgreSQL's own.
 */
export const failingText = 'refused by the forwarding reader'

/** A text that changes nothing, for a server that will answer 25P02 whatever it is sent. */
export const idleText = 'SELECT 1'

/** What the client reads of a refused statement. */
export function refusalResponse({ rule, words, byStandby }: Refusal, endpoint: EndpointState): Buffer {
  const { why, instead, sqlstate } = supportTable[rule]
  const { profile } = endpoint.planner
  const name = typeof profile === 'string' ? profile : profile.name
  return errorResponse({
    severity: 'ERROR',
    sqlstate: byStandby ? sqlstate : endpoint.assumptions['refusal-sqlstate'],
    message: `this forwarding reader refuses ${words} (rule "${rule}", profile "${name}")`,
    detail: why,
    hint: instead,
  })
}
