import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { Extent } from '../extent/extent.ts'
import { builtQueryAt } from '../knex/built-query.ts'
import { doingOf } from '../knex/doing.ts'
import { chainOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import { nodesIn } from '../syntax/nodes-in.ts'

/** Whether every mention of an extent's transaction is a query that is sent and reads, and nothing else in it writes. */
export function onlyReads(file: LintedFile, { root, variable }: Extent): boolean {
  const mentions = variable?.references.map(({ identifier }) => identifier) ?? []
  return (
    mentions.length > 0 &&
    mentions.every((mention) => isReadBy(file, mention)) &&
    !writesOtherwise(file, root)
  )
}

function isReadBy(file: LintedFile, mention: TSESTree.Node): boolean {
  const call = callAround(mention)
  if (call === undefined) return false
  const outermost = chainOf(call)
  const query = builtQueryAt(file, outermost)
  return query !== undefined && doingOf(query) === 'read' && isSent(file, outermost)
}

/** `trx('t')`, `trx.select()`, `.transacting(trx)`, `Model.query(trx)`: the call that a mention begins or is handed to. */
function callAround(mention: TSESTree.Node): TSESTree.CallExpression | undefined {
  const { parent } = mention
  if (parent?.type === AST_NODE_TYPES.CallExpression) return parent
  if (parent?.type !== AST_NODE_TYPES.MemberExpression || parent.object !== mention) return undefined
  const call = parent.parent
  return call.type === AST_NODE_TYPES.CallExpression && call.callee === parent ? call : undefined
}

/** What is kept in a variable may be given other methods before it is awaited. */
function isSent(file: LintedFile, { parent }: TSESTree.CallExpression): boolean {
  switch (parent.type) {
    case AST_NODE_TYPES.AwaitExpression:
    case AST_NODE_TYPES.ReturnStatement:
    case AST_NODE_TYPES.ArrowFunctionExpression:
    case AST_NODE_TYPES.ArrayExpression:
    case AST_NODE_TYPES.MemberExpression:
      return true
    case AST_NODE_TYPES.CallExpression: {
      // As a subquery of one that reads.
      const query = builtQueryAt(file, chainOf(parent))
      return query !== undefined && doingOf(query) === 'read'
    }
    default:
      return false
  }
}

/** With an ambient transaction, a query that names another Knex may run in this one. */
function writesOtherwise(file: LintedFile, root: TSESTree.Node): boolean {
  for (const node of nodesIn<TSESTree.Node>(file.syntax, root)) {
    if (node.type !== AST_NODE_TYPES.CallExpression || chainOf(node) !== node) continue
    const query = builtQueryAt(file, node)
    if (query !== undefined && doingOf(query) !== 'read') return true
  }
  return false
}
