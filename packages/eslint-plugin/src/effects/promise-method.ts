import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'

/** Whether a call is of `Promise.…(…)`, or of the same of Bluebird's. */
export function isPromiseMethod({ callee }: TSESTree.CallExpression): boolean {
  if (callee.type !== AST_NODE_TYPES.MemberExpression) return false
  const { object } = callee
  return object.type === AST_NODE_TYPES.Identifier && /^(?:Promise|Bluebird|BPromise)$/u.test(object.name)
}
