import { functionRule } from '../catalog/function-rules.ts'
import { lex } from '../text/lex.ts'
import { exceptionIn } from './do-block.ts'

/** What the source of a function tells without running it. */
export interface FunctionBody {
  /** PL/pgSQL with an EXCEPTION part: a savepoint in disguise. */
  readonly handlesExceptions: boolean
  /** Names that it may call, without their schemas: those that are neither PostgreSQL's nor Aurora's own. */
  readonly calls: readonly string[]
}

const READABLE = new Set(['plpgsql', 'sql'])

/**
 * Reads the source of a function (`pg_proc.prosrc`). What it makes of strings at run time (`EXECUTE`) cannot be seen, and
 * other languages than PL/pgSQL and SQL are not read at all.
 *
 * @example
 * readFunctionBody('plpgsql', 'BEGIN RETURN g(1); EXCEPTION WHEN others THEN RETURN 0; END')
 * // { handlesExceptions: true, calls: ['g'] }
 */
export function readFunctionBody(language: string, source: string): FunctionBody {
  if (!READABLE.has(language)) return { handlesExceptions: false, calls: [] }
  return {
    handlesExceptions: language === 'plpgsql' && exceptionIn(source) !== undefined,
    calls: callsIn(source),
  }
}

/** A name before a parenthesis, and what PERFORM or CALL names; keywords come along, since no function has their names. */
function callsIn(source: string): string[] {
  const tokens = lex(source).filter(({ kind }) => kind !== 'comment')
  const names = new Set<string>()
  for (const [index, { kind, start, end }] of tokens.entries()) {
    const next = tokens[index + 1]
    if (next === undefined || source[next.start] !== '(') continue
    if (kind === 'word') names.add(source.slice(start, end).toLowerCase())
    else if (kind === 'quoted') names.add(source.slice(start + 1, end - 1).replaceAll('""', '"'))
  }
  return [...names].filter((name) => functionRule(undefined, name) === 'user-function')
}
