import type { TSESLint, TSESTree } from '@typescript-eslint/utils'
import type { Handle } from '../knex/handle.ts'
import type { EstreeSyntax } from './estree-syntax.ts'
import { programOf } from './program-of.ts'
import { syntaxOfProgram } from './syntax-of-program.ts'

/** How to tell what an expression of this file holds: by its type where there are types, else by its name. */
export function createHandleAt(
  source: Readonly<TSESLint.SourceCode>,
  untyped: EstreeSyntax,
): (node: TSESTree.Node) => Handle {
  const services = programOf(source)
  if (services === undefined) return (node) => untyped.handleOf(node)
  const syntax = syntaxOfProgram(services.program)
  return (node) => syntax.handleOf(services.esTreeNodeToTSNodeMap.get(node))
}
