import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { functionAround, type FunctionNode } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'

/** Members that run nothing, or nothing by themselves. */
const idle = new Set(['isTransaction', 'isCompleted', 'raw', 'ref', 'fn'])

/**
 * Whether something that is begun on a transaction may still run while `call` does, or when `home` ends: a mention of it that
 * `home` itself does not wait for. What runs beside an inner transaction is undone with it, and what is dropped is no part of it.
 */
export function isAnyInFlight(
  mentions: readonly TSESTree.Node[],
  home: FunctionNode | undefined,
  call: TSESTree.Node,
): boolean {
  return mentions.some((mention) => !isIdle(mention) && !isWaitedFor(mention, home, call))
}

function isIdle({ parent }: TSESTree.Node): boolean {
  return (
    parent?.type === AST_NODE_TYPES.MemberExpression &&
    parent.property.type === AST_NODE_TYPES.Identifier &&
    idle.has(parent.property.name)
  )
}

function isWaitedFor(mention: TSESTree.Node, home: FunctionNode | undefined, call: TSESTree.Node): boolean {
  for (const [above, child] of ancestorsOf(mention)) {
    if (above === home) return above.body === child && child.type !== AST_NODE_TYPES.BlockStatement
    const isWait =
      above.type === AST_NODE_TYPES.AwaitExpression || above.type === AST_NODE_TYPES.ReturnStatement
    if (isWait && functionAround(above) === home) return above === call.parent || !isWithin(call, above)
  }
  return false
}
