import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { isFunction } from '../syntax/function-node.ts'

/** Whether the function around `Promise.allSettled(…)` looks for what was rejected behind it, and throws. */
export function isSettledThenTested(file: LintedFile, call: TSESTree.CallExpression): boolean {
  const around = [...ancestorsOf(call)].map(([above]) => above).find((above) => isFunction(above))
  let asks = false
  for (const node of around === undefined ? [] : nodesIn<TSESTree.Node>(file.syntax, around)) {
    if (node.range[0] < call.range[1]) continue
    asks ||= node.type === AST_NODE_TYPES.Literal && node.value === 'rejected'
    asks ||= node.type === AST_NODE_TYPES.Identifier && node.name === 'reason'
    const ends =
      node.type === AST_NODE_TYPES.ThrowStatement ||
      (node.type === AST_NODE_TYPES.Identifier && /^(?:rollback|reject)$/u.test(node.name))
    if (asks && ends) return true
  }
  return false
}
