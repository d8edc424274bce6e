import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { isFunction, type FunctionNode } from '../syntax/function-node.ts'
import { isWithin } from '../syntax/is-within.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { useOf } from './handle-uses.ts'

/**
 * Where the error of a rejected inner transaction goes: certainly to the end of the outer one, to a caller that is not in sight,
 * or to somebody who may go on with the outer one.
 */
export type ErrorWay = 'ends-outer' | 'leaves' | 'caught'

type Variable = TSESLint.Scope.Variable

/** `outer` is the variable that holds the outer transaction, where one does. */
export function errorWayOf(syntax: EstreeSyntax, call: TSESTree.Node, outer: Variable | undefined): ErrorWay {
  const home = outer?.defs[0]
  let isInSight = true
  for (let node: TSESTree.Node = call; node.type !== AST_NODE_TYPES.Program; node = node.parent) {
    const above = node.parent
    if (above.type === AST_NODE_TYPES.TryStatement && isCaught(syntax, above, node, outer)) return 'caught'
    if (node !== call && isTakenUp(node)) return 'caught'
    if (isFunction(node)) {
      if (home?.node === node) {
        return isInSight && isWorkOf(node, home) ? 'ends-outer' : 'leaves'
      }
      // Who calls it, and when, is another matter; but it may be called within a try.
      isInSight = false
      if (above.type !== AST_NODE_TYPES.CallExpression) return 'leaves'
    }
    if (home?.node.type === AST_NODE_TYPES.VariableDeclarator && outer?.scope.block === above) {
      return isInSight && isOpened(home.node) ? 'ends-outer' : 'leaves'
    }
  }
  return 'leaves'
}

/** The function handed to `….transaction(work)`, whose first parameter is the outer transaction: its error ends that. */
function isWorkOf(node: FunctionNode, home: TSESLint.Scope.Definition): boolean {
  const call = node.parent
  if (call.type !== AST_NODE_TYPES.CallExpression || node.params[0] !== home.name) return false
  const { callee, arguments: given } = call
  const [first] = given
  if (callee.type !== AST_NODE_TYPES.MemberExpression || given.length > 2) return false
  const isWork = first === node || (given[1] === node && first?.type !== AST_NODE_TYPES.SpreadElement)
  const name = ASTUtils.getPropertyName(callee)
  return isWork && (name === 'transaction' || name === 'savepoint')
}

/** `const outer = await knex.transaction()` in the function itself. */
function isOpened({ init }: TSESTree.VariableDeclarator): boolean {
  if (init?.type !== AST_NODE_TYPES.AwaitExpression) return false
  const call = init.argument
  if (call.type !== AST_NODE_TYPES.CallExpression || call.callee.type !== AST_NODE_TYPES.MemberExpression)
    return false
  return ASTUtils.getPropertyName(call.callee) === 'transaction'
}

/** `work().catch(…)`, `Promise.allSettled([work()])`: a rejection is not the end of it. */
function isTakenUp(node: TSESTree.Node): boolean {
  const { parent } = node
  if (parent?.type === AST_NODE_TYPES.MemberExpression && parent.object === node) {
    return /^(?:then|catch|finally)$/u.test(ASTUtils.getPropertyName(parent) ?? '')
  }
  if (
    parent?.type !== AST_NODE_TYPES.CallExpression ||
    parent.callee.type !== AST_NODE_TYPES.MemberExpression
  )
    return false
  return /^(?:allSettled|any|race)$/u.test(ASTUtils.getPropertyName(parent.callee) ?? '')
}

/** Whether what fails at `from` in a `try` may leave the outer transaction, aborted, to somebody who goes on with it. */
export function isCaught(
  syntax: EstreeSyntax,
  { block, handler, finalizer }: TSESTree.TryStatement,
  from: TSESTree.Node,
  outer: Variable | undefined,
): boolean {
  if (from === finalizer) return false
  if (finalizer !== null && !isHarmless(syntax, finalizer, outer)) return true
  if (from !== block || handler === null) return false
  return !isHarmless(syntax, handler.body, outer) || !isLastWord(handler.body, outer)
}

/** Runs nothing that an aborted transaction would refuse, and lets the error go on its way. */
function isHarmless(
  syntax: EstreeSyntax,
  block: TSESTree.BlockStatement,
  outer: Variable | undefined,
): boolean {
  const usesOuter = outer?.references.some(
    ({ identifier }) => isWithin(identifier, block) && useOf(identifier) !== 'end',
  )
  if (usesOuter === true) return false
  const isOutside = (child: TSESTree.Node) => !isFunction(child)
  for (const node of nodesIn<TSESTree.Node>(syntax, block, isOutside)) {
    switch (node.type) {
      case AST_NODE_TYPES.ReturnStatement:
      case AST_NODE_TYPES.BreakStatement:
      case AST_NODE_TYPES.ContinueStatement:
        return false
      case AST_NODE_TYPES.AwaitExpression:
      case AST_NODE_TYPES.ForOfStatement:
        if (node.type === AST_NODE_TYPES.ForOfStatement ? node.await : !isRollback(node, outer)) return false
        break
      case AST_NODE_TYPES.TryStatement:
        return false
    }
  }
  return true
}

/** Its last statement throws, or one of its own rolls the outer transaction back. */
function isLastWord({ body }: TSESTree.BlockStatement, outer: Variable | undefined): boolean {
  if (body.at(-1)?.type === AST_NODE_TYPES.ThrowStatement) return true
  return body.some(
    (statement) =>
      statement.type === AST_NODE_TYPES.ExpressionStatement && isRollback(statement.expression, outer),
  )
}

function isRollback(node: TSESTree.Expression, outer: Variable | undefined): boolean {
  if (node.type !== AST_NODE_TYPES.AwaitExpression || node.argument.type !== AST_NODE_TYPES.CallExpression)
    return false
  const { callee } = node.argument
  if (callee.type !== AST_NODE_TYPES.MemberExpression || callee.object.type !== AST_NODE_TYPES.Identifier)
    return false
  const { object } = callee
  return (
    ASTUtils.getPropertyName(callee) === 'rollback' &&
    outer?.references.some(({ identifier }) => identifier === object) === true
  )
}
