import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { Extent } from '../extent/extent.ts'
import { chainOf, methodOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import { fixOf } from './edits.ts'

export const onTransactionMessages = {
  useTransaction: 'Use `{{outer}}` here.',
  addTransacting: 'Run the query in the transaction: `.transacting({{outer}})`.',
} as const

type Suggestions = TSESLint.ReportSuggestionArray<keyof typeof onTransactionMessages>

/** What is sent on another connection. */
export interface Sent {
  readonly call: TSESTree.Node
  /** The expression in the call that holds the other connection; `undefined` where nothing is handed to a model's `query()`. */
  readonly root: TSESTree.Node | undefined
  readonly extent: Extent
  /** The call itself runs a query on `root`, not a function that it calls. */
  readonly isQuery: boolean
}

/** To send it on the connection of the transaction that is open, where that has a name there. */
export function suggestTransaction(file: LintedFile, { call, root, extent, isQuery }: Sent): Suggestions {
  const { source } = file
  const outer = extent.variable?.name
  if (call.type !== AST_NODE_TYPES.CallExpression || outer === undefined || extent.kind === 'client')
    return []
  // The innermost transaction: in another name's shadow there is nothing to write.
  if (ASTUtils.findVariable(source.getScope(call), outer) !== extent.variable) return []
  const data = { outer }
  const use = root === undefined ? givenToModel(source, call, outer) : inPlaceOf(source, root, outer)
  const fixes: Suggestions = use === undefined ? [] : [{ messageId: 'useTransaction', data, fix: use }]
  if (root !== undefined && isQuery && isCalledOn(call, root)) {
    const chain = chainOf(call)
    fixes.push({
      messageId: 'addTransacting',
      data,
      fix: (fixer) => fixer.insertTextAfter(chain, `.transacting(${outer})`),
    })
  }
  return fixes
}

/** `db('a')` becomes `trx('a')`, `audit(db)` becomes `audit(trx)`. */
function inPlaceOf(
  source: LintedFile['source'],
  root: TSESTree.Node,
  outer: string,
): TSESLint.ReportFixFunction | undefined {
  if (root.type !== AST_NODE_TYPES.Identifier && root.type !== AST_NODE_TYPES.MemberExpression)
    return undefined
  return fixOf(source, [{ range: root.range, text: outer }])
}

/** `Order.query()` becomes `Order.query(trx)`. */
function givenToModel(
  source: LintedFile['source'],
  call: TSESTree.CallExpression,
  outer: string,
): TSESLint.ReportFixFunction | undefined {
  const close = source.getLastToken(call)
  if (methodOf(call) !== 'query' || call.arguments.length > 0 || close === null) return undefined
  return (fixer) => fixer.insertTextBefore(close, outer)
}

/** `root('a')`, `root.insert(row)`: it begins the chain. */
function isCalledOn({ callee }: TSESTree.CallExpression, root: TSESTree.Node): boolean {
  if (callee === root) return true
  if (callee.type !== AST_NODE_TYPES.MemberExpression || callee.object !== root) return false
  return methodsOfBuilder.has(ASTUtils.getPropertyName(callee) ?? '')
}

/** Beginnings of chains that take `.transacting(…)`. */
const methodsOfBuilder = new Set([
  ...[
    'select',
    'insert',
    'update',
    'delete',
    'del',
    'from',
    'into',
    'table',
    'with',
    'first',
    'raw',
    'batchInsert',
  ],
])
