import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import { sqlstateOf } from '../transaction/failure.ts'

/** Records what something has failed with, and that it has. */
export function recordFailure(span: Span, error: unknown, statements: boolean): void {
  const message = statements ? messageOf(error) : undefined
  span.addEvent('exception', {
    'exception.type': nameOf(error),
    'exception.message': message,
    'exception.stacktrace': framesOf(error),
  })
  span.setAttributes(errorAttributes(error))
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
}

/** Of which kind an error is, without its words. */
export function errorAttributes(error: unknown): Attributes {
  const sqlstate = sqlstateOf(error)
  return {
    'error.type': codeOf(error) ?? nameOf(error),
    ...(sqlstate !== undefined && { 'db.response.status_code': sqlstate }),
  }
}

/** This library's own, the database's or the system's. */
function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

/** Its own words: Knex puts the statement before them, without its bindings. */
function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined
}

/** Its stack without its words. */
function framesOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { stack = '' } = error
  const from = stack.search(/\n {4}at /)
  return from < 0 ? undefined : stack.slice(from + 1)
}
