import type * as ts from 'typescript'
import { typescriptOf } from './program-of.ts'
import { TypeScriptSyntax } from './typescript-syntax.ts'

const syntaxes = new WeakMap<ts.Program, TypeScriptSyntax>()

/** One per program, so that what is found out in one file need not be in the next. */
export function syntaxOfProgram(program: ts.Program): TypeScriptSyntax {
  const syntax = syntaxes.get(program) ?? new TypeScriptSyntax(typescriptOf(program), program)
  syntaxes.set(program, syntax)
  return syntax
}
