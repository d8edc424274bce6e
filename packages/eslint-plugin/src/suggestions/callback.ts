import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { isFunction } from '../syntax/function-node.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { mentionsOf, useOf, type Use } from './handle-uses.ts'
import { swallowsIn } from './swallows.ts'

type Source = Readonly<TSESLint.SourceCode>
type Work = TSESTree.ArrowFunctionExpression | TSESTree.FunctionExpression

/** What runs in an inner transaction: `async (inner) => { … }`. */
export interface Callback {
  readonly node: Work
  /** The parameter's mentions, and its variable; neither where there is no parameter. */
  readonly mentions: readonly TSESTree.Node[]
  readonly inner: TSESLint.Scope.Variable | undefined
  /** All it comes to, where that is one expression. */
  readonly value: TSESTree.Expression | undefined
  /** Its `return`s, where it has a block. */
  readonly returns: readonly TSESTree.ReturnStatement[]
  readonly uses: ReadonlySet<Use>
}

/**
 * The callback of an inner transaction, if it would do the very same with the outer one; `undefined` where it ends the inner one
 * by itself, keeps it for later, or swallows an error that only a savepoint survives.
 */
export function callbackOf(
  source: Source,
  syntax: EstreeSyntax,
  node: TSESTree.Node | undefined,
): Callback | undefined {
  if (
    node?.type !== AST_NODE_TYPES.ArrowFunctionExpression &&
    node?.type !== AST_NODE_TYPES.FunctionExpression
  )
    return undefined
  const [parameter, ...others] = node.params
  if (others.length > 0 || node.generator || node.typeParameters !== undefined) return undefined
  if (parameter !== undefined && parameter.type !== AST_NODE_TYPES.Identifier) return undefined
  const inner =
    parameter && source.getDeclaredVariables(node).find(({ identifiers }) => identifiers.includes(parameter))
  const mentions = inner === undefined ? [] : mentionsOf(inner)
  if (mentions === undefined) return undefined
  const uses = new Set(mentions.map(useOf))
  if (uses.has('other') || uses.has('end')) return undefined
  if (swallowsIn(syntax, node.body, inner)) return undefined

  const returns: TSESTree.ReturnStatement[] = []
  for (const each of nodesIn<TSESTree.Node>(syntax, node.body)) {
    if (node.type === AST_NODE_TYPES.FunctionExpression && isOfFunction(each)) return undefined
  }
  for (const each of nodesIn<TSESTree.Node>(syntax, node.body, (child) => !isFunction(child)))
    if (each.type === AST_NODE_TYPES.ReturnStatement) returns.push(each)
  const value = valueOf(node)
  const isEmpty = node.body.type === AST_NODE_TYPES.BlockStatement && node.body.body.length === 0
  if (isEmpty) return undefined
  // Without a promise Knex waits until the callback ends the transaction by itself.
  if (!node.async && value === undefined) return undefined
  return { node, mentions, inner, value, returns, uses }
}

/** What means another thing outside of a `function`. */
function isOfFunction(node: TSESTree.Node): boolean {
  if (node.type === AST_NODE_TYPES.Identifier) return node.name === 'arguments'
  return (
    node.type === AST_NODE_TYPES.ThisExpression ||
    node.type === AST_NODE_TYPES.Super ||
    node.type === AST_NODE_TYPES.MetaProperty
  )
}

function valueOf({ body }: Work): TSESTree.Expression | undefined {
  if (body.type !== AST_NODE_TYPES.BlockStatement) return body
  const [only, ...others] = body.body
  return only?.type === AST_NODE_TYPES.ReturnStatement && others.length === 0
    ? (only.argument ?? undefined)
    : undefined
}
