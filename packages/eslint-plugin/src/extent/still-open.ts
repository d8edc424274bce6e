import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { statementsOf, type Extent } from './extent.ts'
import { isFunction } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'

/** What has become of a transaction once control comes out of a stretch of code; `left` where it never does. */
type State = 'open' | 'ended' | 'either' | 'left'

type Ends = readonly TSESTree.Node[]

/** Whether the transaction of `extent` is surely open at `node`, which lies in it, given everything that may end it. */
export function isOpenAt(ends: Ends, { root, start }: Extent, node: TSESTree.Node): boolean {
  if (ends.length === 0) return true
  for (const [above, child] of ancestorsOf(node)) {
    if (above.type === AST_NODE_TYPES.TryStatement && child !== above.block && holdsEnd(above.block, ends))
      return false
    for (const statement of statementsOf(above) ?? []) {
      if (statement === child) break
      if (above === root && start !== undefined && statement.range[0] <= start.range[0]) continue
      const state = stateAfter(statement, ends)
      if (state === 'ended' || state === 'either') return false
    }
    if (above === root) return true
  }
  return false
}

function stateAfter(node: TSESTree.Node, ends: Ends): State {
  switch (node.type) {
    case AST_NODE_TYPES.ReturnStatement:
    case AST_NODE_TYPES.ThrowStatement:
    case AST_NODE_TYPES.BreakStatement:
    case AST_NODE_TYPES.ContinueStatement:
      return 'left'
    case AST_NODE_TYPES.BlockStatement:
      return stateAfterAll(node.body, ends)
    case AST_NODE_TYPES.LabeledStatement:
      return stateAfter(node.body, ends)
    case AST_NODE_TYPES.IfStatement:
      if (holdsEnd(node.test, ends)) return 'ended'
      return either(
        stateAfter(node.consequent, ends),
        node.alternate === null ? 'open' : stateAfter(node.alternate, ends),
      )
    case AST_NODE_TYPES.TryStatement:
      return stateAfterTry(node, ends)
    default:
      if (!holdsEnd(node, ends)) return 'open'
      return ends.some((end) => isWithin(end, node) && isCertain(end, node)) ? 'ended' : 'either'
  }
}

function stateAfterAll(statements: readonly TSESTree.Statement[], ends: Ends): State {
  let state: State = 'open'
  for (const statement of statements) {
    const next = stateAfter(statement, ends)
    if (next === 'left') return 'left'
    if (next === 'ended' || state === 'open') state = next
  }
  return state
}

function stateAfterTry({ block, handler, finalizer }: TSESTree.TryStatement, ends: Ends): State {
  const last = finalizer === null ? 'open' : stateAfter(finalizer, ends)
  if (last !== 'open') return last
  const tried = stateAfter(block, ends)
  if (handler === null) return tried
  const handled = stateAfter(handler.body, ends)
  const before = holdsEnd(block, ends) ? 'either' : 'open'
  return either(tried, handled === 'open' ? before : handled)
}

function either(one: State, other: State): State {
  if (one === 'left' || one === other) return other
  return other === 'left' ? one : 'either'
}

function isExpression({ type }: TSESTree.Node): boolean {
  return type === AST_NODE_TYPES.ExpressionStatement || type === AST_NODE_TYPES.VariableDeclaration
}

function holdsEnd(node: TSESTree.Node, ends: Ends): boolean {
  return ends.some((end) => isWithin(end, node))
}

/** Whether what stands in a statement runs whenever the statement does. */
export function isCertain(node: TSESTree.Node, statement: TSESTree.Node): boolean {
  if (!isExpression(statement)) return false
  for (const [above, child] of ancestorsOf(node)) {
    if (child === statement) break
    if (isFunction(above)) return false
    if (above.type === AST_NODE_TYPES.LogicalExpression && above.right === child) return false
    if (above.type === AST_NODE_TYPES.ConditionalExpression && above.test !== child) return false
  }
  return true
}
