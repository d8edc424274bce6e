import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { viewOfEstree } from './estree-view.ts'

/** The modules that a file imports or requires at its top. */
export function importsOf(program: TSESTree.Program): string[] {
  return program.body.flatMap((statement) => {
    if (statement.type === AST_NODE_TYPES.ImportDeclaration) return [statement.source.value]
    if (statement.type !== AST_NODE_TYPES.VariableDeclaration) return []
    return statement.declarations.flatMap(({ init }) => {
      const view = init && viewOfEstree(init)
      const callee = view?.kind === 'call' ? viewOfEstree(view.callee) : undefined
      const first = view?.kind === 'call' && view.arguments[0] ? viewOfEstree(view.arguments[0]) : undefined
      const isRequire = callee?.kind === 'name' && callee.name === 'require'
      return isRequire && first?.kind === 'literal' && typeof first.value === 'string' ? [first.value] : []
    })
  })
}
