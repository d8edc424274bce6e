import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { isWithin } from '../syntax/is-within.ts'
import { plainQueryOf, type PlainQuery } from './plain-query.ts'
import { writtenKey, type WrittenRow } from './written-row.ts'

/** `const found = await on('t').where(key).first()` and, right behind it, an `if` that asks whether it found one. */
export interface Lookup {
  readonly declaration: TSESTree.VariableDeclaration
  readonly found: TSESTree.Identifier
  readonly query: PlainQuery
  readonly key: WrittenRow
  /** The key's text. */
  readonly where: TSESTree.Node
  /** Every column is read. */
  readonly isWhole: boolean
  readonly decision: TSESTree.IfStatement
  readonly whenNone: TSESTree.Statement
  readonly whenFound: TSESTree.Statement | null
}

/** The lookup that decides, in the `if` around it, whether `insert` runs. */
export function lookupBefore(source: LintedFile['source'], insert: TSESTree.Node): Lookup | undefined {
  const decision = decisionAround(insert)
  const declaration = decision && statementBefore(decision)
  if (declaration?.type !== AST_NODE_TYPES.VariableDeclaration || declaration.declarations.length !== 1)
    return undefined
  const { id: found, init } = declaration.declarations[0]
  if (found.type !== AST_NODE_TYPES.Identifier || found.typeAnnotation !== undefined) return undefined
  const query = init?.type === AST_NODE_TYPES.AwaitExpression ? plainQueryOf(init.argument) : undefined
  const [where, first, ...more] = query?.methods ?? []
  if (query === undefined || where?.name !== 'where' || first?.name !== 'first' || more.length > 0)
    return undefined
  const key = where.arguments.length === 1 ? writtenKey(where.arguments[0]) : undefined
  const branches = branchesOf(decision!, found.name)
  if (key === undefined || branches === undefined || !isWithin(insert, branches.whenNone)) return undefined
  if (!first.arguments.every(({ type }) => type === AST_NODE_TYPES.Literal)) return undefined
  const isWhole = first.arguments.length === 0
  return {
    declaration,
    found,
    query,
    key,
    where: where.arguments[0]!,
    isWhole,
    decision: decision!,
    ...branches,
  }
}

/** The `if` that `node` stands in. */
function decisionAround(node: TSESTree.Node): TSESTree.IfStatement | undefined {
  let above: TSESTree.Node | null | undefined = node.parent
  while (
    above != null &&
    above.type !== AST_NODE_TYPES.IfStatement &&
    !/Function|Program/u.test(above.type)
  ) {
    above = above.parent
  }
  return above?.type === AST_NODE_TYPES.IfStatement ? above : undefined
}

function statementBefore(statement: TSESTree.Statement): TSESTree.Node | undefined {
  const { parent } = statement
  if (parent.type !== AST_NODE_TYPES.BlockStatement && parent.type !== AST_NODE_TYPES.Program)
    return undefined
  return parent.body[parent.body.indexOf(statement) - 1]
}

function branchesOf(
  { test, consequent, alternate }: TSESTree.IfStatement,
  name: string,
): Pick<Lookup, 'whenNone' | 'whenFound'> | undefined {
  const isFound = asksForFound(test, name)
  if (isFound === false) return { whenNone: consequent, whenFound: alternate }
  return isFound === true && alternate !== null ? { whenNone: alternate, whenFound: consequent } : undefined
}

/** Whether a test holds where something was found, as `found` and `found !== undefined` do, or where nothing was. */
function asksForFound(test: TSESTree.Expression, name: string): boolean | undefined {
  if (isName(test, name)) return true
  if (test.type === AST_NODE_TYPES.UnaryExpression && test.operator === '!')
    return isName(test.argument, name) ? false : undefined
  if (test.type !== AST_NODE_TYPES.BinaryExpression || !isName(test.left, name)) return undefined
  const isUndefined = isName(test.right, 'undefined')
  const isNull = test.right.type === AST_NODE_TYPES.Literal && test.right.value === null
  const { operator } = test
  const asks = operator.length === 3 ? isUndefined : isUndefined || isNull
  if (!asks || !/^[!=]==?$/u.test(operator)) return undefined
  return operator.startsWith('!')
}

export function isName(node: TSESTree.Node, name: string): boolean {
  return node.type === AST_NODE_TYPES.Identifier && node.name === name
}

/** Whether what was found is mentioned elsewhere than where it is asked for. */
export function isFoundUsed(
  source: LintedFile['source'],
  { declaration, decision: { test } }: Lookup,
): boolean {
  const [variable] = source.getDeclaredVariables(declaration)
  return (variable?.references ?? []).some(
    ({ identifier, init }) => init !== true && !isWithin(identifier, test),
  )
}

/** The one statement of a branch. */
export function onlyStatementOf(branch: TSESTree.Statement): TSESTree.Statement | undefined {
  if (branch.type !== AST_NODE_TYPES.BlockStatement) return branch
  const [only, ...others] = branch.body
  return others.length === 0 ? only : undefined
}

/** Whether two queries are on the same table by the same transaction, by their texts. */
export function isOnSame(source: LintedFile['source'], one: PlainQuery, other: PlainQuery): boolean {
  return one.table.value === other.table.value && source.getText(one.on) === source.getText(other.on)
}
