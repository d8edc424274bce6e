import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { withoutWrapping } from '../syntax/estree-nodes.ts'

/** A method of a chain of calls, with what it is given. */
export interface Link {
  readonly name: string
  readonly call: TSESTree.CallExpression
}

/** `end.first(…).second(…)` */
export interface Chain {
  /** What the first method is called on: a name, a field, or a call that is no method: `trx('t')`. */
  readonly end: TSESTree.Node
  /** The methods, in the order in which they are called. */
  readonly links: readonly Link[]
}

/** Reads a chain from its outermost call; what is awaited within ends it. */
export function readChain(outermost: TSESTree.Node): Chain {
  const links: Link[] = []
  let end = withoutWrapping(outermost)
  while (end.type === AST_NODE_TYPES.CallExpression) {
    const callee = withoutWrapping(end.callee)
    const name = callee.type === AST_NODE_TYPES.MemberExpression ? ASTUtils.getPropertyName(callee) : null
    if (callee.type !== AST_NODE_TYPES.MemberExpression || name === null) break
    links.unshift({ name, call: end })
    end = withoutWrapping(callee.object)
  }
  return { end, links }
}
