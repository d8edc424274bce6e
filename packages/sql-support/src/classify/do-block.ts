import type { SyntaxNode } from '../grammar/parse.ts'
import type { Span, Statement } from '../statement.ts'
import { lex } from '../text/lex.ts'
import { Words } from '../text/words.ts'
import type { Context } from './context.ts'
import type { Findings } from './findings.ts'
import { options } from './nodes.ts'

const EXCEPTION_WHEN = ['EXCEPTION', 'WHEN']

/**
 * A DO block. What it will do is known only when it runs, so it counts as a write; the one thing its text does tell is
 * whether it has an EXCEPTION part (`RAISE EXCEPTION` is none).
 */
export function readDoBlock(
  fields: SyntaxNode,
  stretch: Span,
  context: Context,
  findings: Findings,
): Pick<Statement, 'kind' | 'reads'> {
  findings.writeHit('do-block', context.words.at(stretch.start))
  const code = option(fields, 'as') ?? ''
  const language = option(fields, 'language') ?? 'plpgsql'
  if (language.toLowerCase() === 'plpgsql' && exceptionIn(code)) {
    findings.hit('plpgsql-exception', wordInSource(context, stretch) ?? context.words.at(stretch.start))
  }
  return { kind: 'do', reads: true }
}

function option(fields: SyntaxNode, name: string): string | undefined {
  const arg = options(fields.args).find(({ defname }) => defname === name)?.arg
  return arg && 'String' in arg ? arg.String.sval : undefined
}

/** Where the EXCEPTION part of a PL/pgSQL text begins. */
export function exceptionIn(code: string): Span | undefined {
  const found = new Words(code).find(EXCEPTION_WHEN, 0, code.length)
  return found && { start: found.start, end: found.start + EXCEPTION_WHEN[0]!.length }
}

/** The word itself, where the body is dollar-quoted and so stands in the source as it is. */
function wordInSource({ text }: Context, stretch: Span): Span | undefined {
  for (const token of lex(text.slice(stretch.start, stretch.end))) {
    if (token.kind !== 'dollar-string') continue
    const body = stretch.start + text.slice(stretch.start + token.start).indexOf('$', 1) + token.start + 1
    const found = exceptionIn(text.slice(body, stretch.start + token.end))
    if (found) return { start: body + found.start, end: body + found.end }
  }
  return undefined
}
