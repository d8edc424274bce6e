import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { isCaught } from './error-way.ts'

/** Whether something in `work` swallows an error of the transaction that `inner` holds, which would end in another way then. */
export function swallowsIn(
  syntax: EstreeSyntax,
  work: TSESTree.Node,
  inner: TSESLint.Scope.Variable | undefined,
): boolean {
  for (const each of nodesIn<TSESTree.Node>(syntax, work)) {
    if (each.type === AST_NODE_TYPES.TryStatement && isCaught(syntax, each, each.block, inner)) return true
    if (each.type === AST_NODE_TYPES.MemberExpression && isCatch(each)) return true
  }
  return false
}

function isCatch(member: TSESTree.MemberExpression): boolean {
  return /^(?:catch|allSettled|any|race)$/u.test(ASTUtils.getPropertyName(member) ?? '')
}
