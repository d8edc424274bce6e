import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { Extent } from '../extent/extent.ts'
import type { Value } from '../calls/kind.ts'
import { builderMethods } from '../knex/builder-methods.ts'
import { chainOf, methodOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import { withoutWrapping } from '../syntax/estree-nodes.ts'
import { fixOf, insert, type Edit } from './edits.ts'

export const onTransactionMessages = {
  useTransaction: 'Use `{{outer}}` here.',
  addTransacting: 'Run the query in the transaction: `.transacting({{outer}})`.',
} as const

type Suggestions = TSESLint.ReportSuggestionArray<keyof typeof onTransactionMessages>

/** What is sent on another connection. */
export interface Sent {
  readonly call: TSESTree.Node
  /** What holds the other connection in the call; `undefined` where nothing is handed to a model's `query()`. */
  readonly root: Value<TSESTree.Node> | undefined
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
  const edit = root === undefined ? givenToModel(source, call, outer) : inPlaceOf(source, root, outer)
  const use = edit && fixOf(source, [edit])
  const fixes: Suggestions = use === undefined ? [] : [{ messageId: 'useTransaction', data, fix: use }]
  if (root !== undefined && isQuery && isCalledOn(call, root.node)) {
    const chain = chainOf(call)
    fixes.push({
      messageId: 'addTransacting',
      data,
      fix: (fixer) => fixer.insertTextAfter(chain, `.transacting(${outer})`),
    })
  }
  return fixes
}

/** `db('a')` becomes `trx('a')`, `audit({ db })` becomes `audit({ db: trx })`, `audit({ ...deps })` gets another `db` at its end. */
function inPlaceOf(
  source: LintedFile['source'],
  { node, path }: Value<TSESTree.Node>,
  outer: string,
): Edit | undefined {
  const held = withoutWrapping(node)
  const [property, ...rest] = path
  if (property === undefined) {
    if (held.type !== AST_NODE_TYPES.Identifier && held.type !== AST_NODE_TYPES.MemberExpression)
      return undefined
    const { parent } = node
    const isShorthand = parent?.type === AST_NODE_TYPES.Property && parent.shorthand
    return { range: node.range, text: isShorthand ? `${source.getText(parent.key)}: ${outer}` : outer }
  }
  if (held.type !== AST_NODE_TYPES.ObjectExpression || rest.length > 0 || !isName.test(property))
    return undefined
  const isOwn = (each: TSESTree.ObjectLiteralElement) =>
    each.type === AST_NODE_TYPES.Property && ASTUtils.getPropertyName(each) === property
  const last = held.properties.at(-1)
  return last === undefined || held.properties.some(isOwn)
    ? undefined
    : insert(last.range[1], `, ${property}: ${outer}`)
}

const isName = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** `Order.query()` becomes `Order.query(trx)`. */
function givenToModel(
  source: LintedFile['source'],
  call: TSESTree.CallExpression,
  outer: string,
): Edit | undefined {
  const close = source.getLastToken(call)
  if (methodOf(call) !== 'query' || call.arguments.length > 0 || close === null) return undefined
  return insert(close.range[0], outer)
}

/** `root('a')`, `root.insert(row)`: it begins the chain. */
function isCalledOn({ callee }: TSESTree.CallExpression, root: TSESTree.Node): boolean {
  if (callee === root) return true
  if (callee.type !== AST_NODE_TYPES.MemberExpression || callee.object !== root) return false
  return builderMethods.has(ASTUtils.getPropertyName(callee) ?? '')
}
