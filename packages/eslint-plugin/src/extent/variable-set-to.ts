import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { statementsOf } from './extent.ts'

/** A statement, and what it is a statement of. */
export interface Place {
  readonly root: TSESTree.Node
  readonly start: TSESTree.Node
}

/** The variable that holds what `await call` comes to, alone or as one of two: `given ?? (await call)`. */
export function variableSetTo(
  file: LintedFile,
  call: TSESTree.CallExpression,
): (Place & { readonly variable: TSESLint.Scope.Variable }) | undefined {
  let isAwaited = false
  let value: TSESTree.Node = call
  let holder: TSESTree.Node | undefined
  for (const [above, child] of ancestorsOf(call)) {
    value = child
    holder = holderIn(above, child)
    if (!isPassing(above, child)) break
    isAwaited ||= above.type === AST_NODE_TYPES.AwaitExpression
  }
  const variable = holder && variableNamed(file, holder)
  const place = placeOf(value)
  if (!isAwaited || variable === undefined || place === undefined) return undefined
  return { variable, ...aroundGuard(file, place, variable) }
}

/** The variable that `node` names. */
export function variableNamed(file: LintedFile, node: TSESTree.Node): TSESLint.Scope.Variable | undefined {
  if (node.type !== AST_NODE_TYPES.Identifier) return undefined
  return ASTUtils.findVariable(file.source.getScope(node), node) ?? undefined
}

/** The statement around `node`. */
export function placeOf(node: TSESTree.Node): Place | undefined {
  for (const [above, child] of ancestorsOf(node)) {
    if (statementsOf(above) !== undefined) return { root: above, start: child }
  }
  return undefined
}

function isPassing(above: TSESTree.Node, value: TSESTree.Node): boolean {
  switch (above.type) {
    case AST_NODE_TYPES.AwaitExpression:
    case AST_NODE_TYPES.LogicalExpression:
    case AST_NODE_TYPES.ChainExpression:
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSNonNullExpression:
    case AST_NODE_TYPES.TSSatisfiesExpression:
      return true
    case AST_NODE_TYPES.ConditionalExpression:
      return above.test !== value
    default:
      return false
  }
}

function holderIn(node: TSESTree.Node, value: TSESTree.Node): TSESTree.Node | undefined {
  if (node.type === AST_NODE_TYPES.VariableDeclarator) return node.id
  const isSet =
    node.type === AST_NODE_TYPES.AssignmentExpression &&
    node.right === value &&
    /^(?:\?\?|\|\|)?=$/u.test(node.operator)
  return isSet ? node.left : undefined
}

/** Behind `if (!trx) trx = await knex.transaction()` there is one in either case. */
function aroundGuard(file: LintedFile, place: Place, variable: TSESLint.Scope.Variable): Place {
  const guard = place.root.type === AST_NODE_TYPES.BlockStatement ? place.root.parent : place.start
  if (guard.type !== AST_NODE_TYPES.IfStatement || guard.alternate !== null) return place
  const { test } = guard
  const isMissing =
    test.type === AST_NODE_TYPES.UnaryExpression &&
    test.operator === '!' &&
    variableNamed(file, test.argument) === variable
  return (isMissing ? placeOf(guard) : undefined) ?? place
}
