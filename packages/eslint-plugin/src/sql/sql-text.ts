import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { programOf } from '../syntax/program-of.ts'
import { literalSource, readSource, templateSources } from './source-text.ts'

/** A literal stretch of SQL. */
interface Chunk {
  readonly text: string
  /** From an offset in `text` to the offset in the file; absent where the text was written in another file. */
  readonly toFile?: (offset: number) => number
}

/** SQL as it stands in the source: literal stretches with a hole between each two. */
export type SqlText = readonly Chunk[]

type Source = Readonly<TSESLint.SourceCode>

/** The SQL an expression holds; several where it chooses, none where it cannot be told. */
export function sqlTextsOf(source: Source, node: TSESTree.Node, depth = 0): SqlText[] {
  if (depth > 8) return []
  const follow = (next: TSESTree.Node) => sqlTextsOf(source, next, depth + 1)
  switch (node.type) {
    case AST_NODE_TYPES.Literal:
      return typeof node.value === 'string' ? [[chunkOf(literalSource(source.text, node))]] : []
    case AST_NODE_TYPES.TemplateLiteral:
      return [templateText(source, node, depth)]
    case AST_NODE_TYPES.BinaryExpression:
      return node.operator === '+' ? concatenations(follow(node.left), follow(node.right)) : []
    case AST_NODE_TYPES.ConditionalExpression:
      return [...follow(node.consequent), ...follow(node.alternate)]
    case AST_NODE_TYPES.LogicalExpression:
      return [...follow(node.left), ...follow(node.right)]
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSSatisfiesExpression:
    case AST_NODE_TYPES.TSNonNullExpression:
      return follow(node.expression)
    case AST_NODE_TYPES.ObjectExpression: {
      const text = propertyOf(node, 'text')
      return text === undefined ? [] : follow(text)
    }
    case AST_NODE_TYPES.Identifier:
    case AST_NODE_TYPES.MemberExpression: {
      const value = constantValue(source, node)
      return value === undefined ? textByType(source, node) : follow(value)
    }
    default:
      return []
  }
}

/** The SQL of a template; a hole that is itself a constant text is filled in. */
export function templateText(source: Source, template: TSESTree.TemplateLiteral, depth = 0): SqlText {
  return templateSources(source.text, template).reduce<SqlText>((text, part, index) => {
    const chunk = chunkOf(part)
    const hole = template.expressions[index - 1]
    if (hole === undefined) return [chunk]
    const [filling] = sqlTextsOf(source, hole, depth + 1)
    return filling === undefined ? [...text, chunk] : joined(joined(text, filling), [chunk])
  }, [])
}

function chunkOf(part: Parameters<typeof readSource>[0]): Chunk {
  return readSource(part)
}

/** `left + right`; a side that cannot be told is a hole. */
function concatenations(left: SqlText[], right: SqlText[]): SqlText[] {
  const hole: SqlText = [{ text: '' }, { text: '' }]
  if (left.length === 0 && right.length === 0) return []
  const [lefts, rights] = [left.length > 0 ? left : [hole], right.length > 0 ? right : [hole]]
  return lefts.flatMap((first) => rights.map((second) => joined(first, second)))
}

/** Two texts with nothing between: the last stretch of one and the first of the other become one. */
function joined(left: SqlText, right: SqlText): SqlText {
  const [last, first] = [left.at(-1), right[0]]
  if (last === undefined) return right
  if (first === undefined) return left
  const length = last.text.length
  const toFile = (offset: number) => {
    const [part, at] = offset < length ? [last, offset] : [first, offset - length]
    return part.toFile?.(at) ?? Number.NaN
  }
  return [...left.slice(0, -1), { text: last.text + first.text, toFile }, ...right.slice(1)]
}

/** What a constant of this file, or a property of one, is set to. */
function constantValue(source: Source, node: TSESTree.Expression): TSESTree.Node | undefined {
  if (node.type === AST_NODE_TYPES.MemberExpression) {
    if (node.computed || node.property.type !== AST_NODE_TYPES.Identifier) return undefined
    const object = constantValue(source, node.object)
    const literal = object?.type === AST_NODE_TYPES.TSAsExpression ? object.expression : object
    return literal?.type === AST_NODE_TYPES.ObjectExpression
      ? propertyOf(literal, node.property.name)
      : undefined
  }
  if (node.type !== AST_NODE_TYPES.Identifier) return undefined
  const definition = ASTUtils.findVariable(source.getScope(node), node)?.defs[0]
  if (definition?.type !== TSESLint.Scope.DefinitionType.Variable) return undefined
  if (definition.node.id.type !== AST_NODE_TYPES.Identifier) return undefined
  const isConstant = definition.parent.kind === 'const'
  return isConstant ? (definition.node.init ?? undefined) : undefined
}

/** A constant of another file: its type is its text. */
function textByType(source: Source, node: TSESTree.Node): SqlText[] {
  const services = programOf(source)
  if (services === undefined) return []
  const type = services.getTypeAtLocation(node)
  return type.isStringLiteral() ? [[{ text: type.value }]] : []
}

function propertyOf(object: TSESTree.ObjectExpression, name: string): TSESTree.Node | undefined {
  for (const property of object.properties) {
    if (property.type !== AST_NODE_TYPES.Property || property.computed) continue
    if (property.key.type === AST_NODE_TYPES.Identifier && property.key.name === name) return property.value
  }
  return undefined
}
