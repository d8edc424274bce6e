import type { RuleHit, Span, Statement } from '../statement.ts'

/** A function that a statement calls and that is not PostgreSQL's own, as the catalog of its database shows it. */
export interface CatalogFunction {
  readonly name: string
  /** It counts as user-defined; whether one that an extension brings along does, AWS does not say. */
  readonly userDefined: boolean
  /** Its body, or that of a function it calls, is PL/pgSQL with an EXCEPTION part. */
  readonly handlesExceptions: boolean
}

/**
 * The statement as it is once a database has said which functions it calls. {@link classify} goes by names alone: it takes
 * every name that neither PostgreSQL nor Aurora brings along for a user's function, and no other.
 *
 * @param found every function it calls that is not PostgreSQL's or Aurora's own.
 */
export function withFunctions(statement: Statement, found: readonly CatalogFunction[]): Statement {
  const { inner } = statement
  const hits = statement.hits.filter(({ rule }) => rule !== 'user-function')
  for (const { name, userDefined, handlesExceptions } of found) {
    const span = statement.functions.find((call) => call.name === name) ?? statement
    if (userDefined) hits.push(hit('user-function', span))
    if (handlesExceptions) hits.push(hit('plpgsql-exception', span))
  }
  return Object.freeze({
    ...statement,
    hits: Object.freeze(hits),
    ...(inner && { inner: withFunctions(inner, found) }),
  })
}

function hit(rule: RuleHit['rule'], { start, end }: Span): RuleHit {
  return Object.freeze({ rule, start, end })
}
