import { AST_NODE_TYPES, ASTUtils, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { isWithin } from '../syntax/is-within.ts'
import { fixOf } from './edits.ts'
import { imported } from './imported.ts'
import { plainQueryOf, type PlainQuery } from './plain-query.ts'

type Source = LintedFile['source']

/** `const found = await on('t').where(key).first()` and, right behind it, an `if` that inserts where there is none. */
interface LookAndInsert {
  readonly lookup: TSESTree.VariableDeclaration
  readonly found: TSESTree.Identifier
  readonly query: PlainQuery
  readonly key: TSESTree.ObjectExpression
  readonly decision: TSESTree.IfStatement
  readonly row: TSESTree.ObjectExpression
  /** The row that is inserted goes to the variable that the lookup set. */
  readonly isKept: boolean
}

/** Both as one call of `getOrCreate`, where the table, the key and the row are written out and nothing else happens. */
export function useGetOrCreate(
  file: LintedFile,
  insert: TSESTree.CallExpression,
): TSESLint.ReportFixFunction | undefined {
  const { source } = file
  const shape = shapeAround(source, insert)
  if (shape === undefined || isUsedElsewhere(source, shape)) return undefined
  const { lookup, found, query, key, decision, row, isKept } = shape
  const defaults = defaultsIn(source, key, row)
  const getOrCreate = defaults && imported(source, 'getOrCreate', decision)
  if (defaults === undefined || getOrCreate === undefined || file.handleAt(query.on) === 'none')
    return undefined
  const given = [source.getText(query.on), query.table.raw, source.getText(key)]
  if (defaults.length > 0) given.push(`{ ${defaults.join(', ')} }`)
  const call = `await ${getOrCreate.name}(${given.join(', ')})`
  const end = source.getLastToken(lookup)?.value === ';' ? ';' : ''
  const text = isKept ? `${lookup.kind} { row: ${found.name} } = ${call}${end}` : `${call}${end}`
  return fixOf(source, [...getOrCreate.edits, { range: [lookup.range[0], decision.range[1]], text }])
}

function shapeAround(source: Source, insert: TSESTree.CallExpression): LookAndInsert | undefined {
  const decision = decisionAround(insert)
  const before = decision && statementBefore(decision)
  if (before?.type !== AST_NODE_TYPES.VariableDeclaration || before.declarations.length !== 1)
    return undefined
  const { id, init } = before.declarations[0]
  if (id.type !== AST_NODE_TYPES.Identifier || id.typeAnnotation !== undefined) return undefined
  if (init?.type !== AST_NODE_TYPES.AwaitExpression || !isNotFound(decision!.test, id.name)) return undefined
  const query = plainQueryOf(init.argument)
  const key = keyOf(query)
  const inserted = insertedIn(decision!.consequent, id.name)
  if (query === undefined || key === undefined || inserted === undefined) return undefined
  const isSame =
    source.getText(inserted.query.on) === source.getText(query.on) &&
    inserted.query.table.value === query.table.value
  return isSame ? { lookup: before, found: id, key, decision: decision!, ...inserted } : undefined
}

/** The `if` without `else` that `node` alone stands in. */
function decisionAround(node: TSESTree.Node): TSESTree.IfStatement | undefined {
  let above: TSESTree.Node | null | undefined = node.parent
  while (
    above != null &&
    above.type !== AST_NODE_TYPES.IfStatement &&
    !/Function|Program/u.test(above.type)
  ) {
    above = above.parent
  }
  return above?.type === AST_NODE_TYPES.IfStatement && above.alternate === null ? above : undefined
}

function statementBefore(statement: TSESTree.Statement): TSESTree.Node | undefined {
  const { parent } = statement
  if (parent.type !== AST_NODE_TYPES.BlockStatement && parent.type !== AST_NODE_TYPES.Program)
    return undefined
  return parent.body[parent.body.indexOf(statement) - 1]
}

/** `!found`, `found === undefined`, `found == null` */
function isNotFound(test: TSESTree.Expression, name: string): boolean {
  if (test.type === AST_NODE_TYPES.UnaryExpression && test.operator === '!')
    return isName(test.argument, name)
  if (test.type !== AST_NODE_TYPES.BinaryExpression || !isName(test.left, name)) return false
  const isUndefined = isName(test.right, 'undefined')
  const isNull = test.right.type === AST_NODE_TYPES.Literal && test.right.value === null
  return (test.operator === '===' && isUndefined) || (test.operator === '==' && (isUndefined || isNull))
}

function keyOf(query: PlainQuery | undefined): TSESTree.ObjectExpression | undefined {
  const [where, first, ...more] = query?.methods ?? []
  const [key, ...others] = where?.name === 'where' ? where.arguments : []
  if (first?.name !== 'first' || first.arguments.length > 0 || more.length > 0 || others.length > 0)
    return undefined
  return key?.type === AST_NODE_TYPES.ObjectExpression && key.properties.length > 0 ? key : undefined
}

/** `await on('t').insert(row)`, or `[found] = await on('t').insert(row).returning('*')`. */
function insertedIn(
  consequent: TSESTree.Statement,
  found: string,
): Pick<LookAndInsert, 'query' | 'row' | 'isKept'> | undefined {
  const [only, ...others] = consequent.type === AST_NODE_TYPES.BlockStatement ? consequent.body : [consequent]
  if (only?.type !== AST_NODE_TYPES.ExpressionStatement || others.length > 0) return undefined
  const { expression } = only
  const isKept = expression.type === AST_NODE_TYPES.AssignmentExpression
  if (isKept && !isFirstOf(expression.left, found)) return undefined
  const value = isKept ? expression.right : expression
  const query = value.type === AST_NODE_TYPES.AwaitExpression ? plainQueryOf(value.argument) : undefined
  const [insert, returning, ...more] = query?.methods ?? []
  const [row, ...rest] = insert?.name === 'insert' ? insert.arguments : []
  if (query === undefined || row?.type !== AST_NODE_TYPES.ObjectExpression || rest.length > 0)
    return undefined
  if (more.length > 0 || (returning !== undefined) !== isKept) return undefined
  return returning === undefined || isAll(returning) ? { query, row, isKept } : undefined
}

function isFirstOf(left: TSESTree.Node, name: string): boolean {
  if (left.type !== AST_NODE_TYPES.ArrayPattern || left.elements.length !== 1) return false
  const [first] = left.elements
  return first != null && isName(first, name)
}

function isAll({ name, arguments: [columns] }: PlainQuery['methods'][number]): boolean {
  return name === 'returning' && columns?.type === AST_NODE_TYPES.Literal && columns.value === '*'
}

function isName(node: TSESTree.Node, name: string): boolean {
  return node.type === AST_NODE_TYPES.Identifier && node.name === name
}

/** What is found must not be asked for where nobody says any more whether it was there. */
function isUsedElsewhere(source: Source, { lookup, decision, isKept }: LookAndInsert): boolean {
  const [variable] = source.getDeclaredVariables(lookup)
  if (variable === undefined) return true
  return variable.references.some(
    ({ identifier }) => !isKept && !isWithin(identifier, lookup) && !isWithin(identifier, decision),
  )
}

/** The row's properties beside the key's; `undefined` where the row does not say the same of the key, or a value may not be moved. */
function defaultsIn(
  source: Source,
  key: TSESTree.ObjectExpression,
  row: TSESTree.ObjectExpression,
): string[] | undefined {
  const wanted = new Map<string, string>()
  for (const property of key.properties) {
    if (property.type !== AST_NODE_TYPES.Property || property.computed || !isStill(property.value))
      return undefined
    wanted.set(ASTUtils.getPropertyName(property) ?? '', source.getText(property.value))
  }
  const defaults: string[] = []
  for (const property of row.properties) {
    if (property.type !== AST_NODE_TYPES.Property || property.computed) return undefined
    const name = ASTUtils.getPropertyName(property) ?? ''
    if (!wanted.has(name)) defaults.push(source.getText(property))
    else if (source.getText(property.value) !== wanted.get(name)) return undefined
    else wanted.delete(name)
  }
  return wanted.size === 0 ? defaults : undefined
}

/** The same each time that it is asked. */
function isStill(node: TSESTree.Node): boolean {
  if (node.type === AST_NODE_TYPES.MemberExpression) return !node.computed && isStill(node.object)
  return (
    node.type === AST_NODE_TYPES.Identifier || (node.type === AST_NODE_TYPES.Literal && node.value !== null)
  )
}
