import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { ancestorsOf } from './ancestors-of.ts'

/** A function with a body of its own. */
export type FunctionNode =
  TSESTree.ArrowFunctionExpression | TSESTree.FunctionExpression | TSESTree.FunctionDeclaration

export function isFunction(node: TSESTree.Node): node is FunctionNode {
  return (
    node.type === AST_NODE_TYPES.ArrowFunctionExpression ||
    node.type === AST_NODE_TYPES.FunctionExpression ||
    node.type === AST_NODE_TYPES.FunctionDeclaration
  )
}

/** The function that runs `node`, without those in between. */
export function functionAround(node: TSESTree.Node): FunctionNode | undefined {
  for (const [above] of ancestorsOf(node)) if (isFunction(above)) return above
  return undefined
}
