import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { builderMethods } from '../knex/builder-methods.ts'

/**
 * What a mention of a transaction does with it: runs a query on it, hands it to a function, ends it, or anything else, after which
 * nothing is known of it.
 */
export type Use = 'query' | 'handed' | 'end' | 'other'

/** Members of a transaction beside a builder's methods that are the same on the one around it. */
const shared = new Set(['ref', 'fn', 'schema', 'isTransaction', 'batchInsert', 'transaction', 'savepoint'])

const ends = new Set(['commit', 'rollback', 'isCompleted'])

/** Methods that run a query on what they are handed. */
const runners = new Set(['transacting', 'query', '$query', 'relatedQuery', '$relatedQuery'])

export function useOf(mention: TSESTree.Node): Use {
  const { parent } = mention
  switch (parent?.type) {
    case AST_NODE_TYPES.MemberExpression:
      if (parent.object !== mention || parent.computed) return 'other'
      return useOfMember(parent.property)
    case AST_NODE_TYPES.CallExpression:
    case AST_NODE_TYPES.NewExpression:
      if (parent.callee === mention) return parent.type === AST_NODE_TYPES.CallExpression ? 'query' : 'other'
      return isRunner(parent.callee) ? 'query' : 'handed'
    case AST_NODE_TYPES.Property:
      // `{ trx }`, `{ db: trx }`: an object of dependencies.
      return parent.value === mention && isArgument(parent.parent) ? 'handed' : 'other'
    default:
      return 'other'
  }
}

function useOfMember(property: TSESTree.Node): Use {
  if (property.type !== AST_NODE_TYPES.Identifier) return 'other'
  if (builderMethods.has(property.name) || shared.has(property.name)) return 'query'
  return ends.has(property.name) ? 'end' : 'other'
}

function isRunner(callee: TSESTree.Node): boolean {
  return (
    callee.type === AST_NODE_TYPES.MemberExpression &&
    callee.property.type === AST_NODE_TYPES.Identifier &&
    runners.has(callee.property.name)
  )
}

function isArgument(node: TSESTree.Node): boolean {
  if (node.type !== AST_NODE_TYPES.ObjectExpression) return false
  const { type } = node.parent
  return type === AST_NODE_TYPES.CallExpression || type === AST_NODE_TYPES.NewExpression
}

/** The mentions of a variable after its declaration; `undefined` where it is assigned anew. */
export function mentionsOf(
  variable: TSESLint.Scope.Variable,
): (TSESTree.Identifier | TSESTree.JSXIdentifier)[] | undefined {
  const isAssignedAnew = variable.references.some(
    (reference) => reference.isWrite() && reference.init !== true,
  )
  return isAssignedAnew
    ? undefined
    : variable.references.filter((reference) => !reference.isWrite()).map(({ identifier }) => identifier)
}
