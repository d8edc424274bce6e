import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { methodOf } from '../knex/query.ts'

const insertMethods = new Set(['insert', 'insertAndFetch'])

/** Whether a call is a builder's insert, by its name alone. */
export function isInsert(call: TSESTree.CallExpression): boolean {
  return insertMethods.has(methodOf(call) ?? '')
}

/** The inserts that `node` runs itself; those in functions inside it may run in a transaction of their own. */
export function insertsIn(syntax: EstreeSyntax, node: TSESTree.Node): TSESTree.CallExpression[] {
  const found: TSESTree.CallExpression[] = []
  const isOutsideFunctions = (child: TSESTree.Node) => !syntax.isFunction(child)
  for (const current of nodesIn<TSESTree.Node>(syntax, node, isOutsideFunctions)) {
    if (current.type === AST_NODE_TYPES.CallExpression && isInsert(current)) found.push(current)
  }
  return found
}
