import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { programOf } from '../syntax/program-of.ts'
import { literalSource, readSource, templateSources, type SourceText } from './source-text.ts'

/** A literal stretch of SQL. */
interface Chunk {
  readonly text: string
  /** From an offset in `text` to the offset in the file; absent where the text was written in another file. */
  readonly toFile?: (offset: number) => number
}

/** SQL as it stands in the source: literal stretches with a hole between each two. */
export type SqlText = readonly Chunk[]

type Source = Readonly<TSESLint.SourceCode>

/** How many texts a concatenation of choices comes to before the rest are left out: each choice doubles them. */
const mostTexts = 64

/** The SQL an expression holds; several where it chooses, none where it cannot be told. `names` counts the names followed. */
export function sqlTextsOf(source: Source, node: TSESTree.Node, names = 0): SqlText[] {
  if (names > 8) return []
  const follow = (next: TSESTree.Node) => sqlTextsOf(source, next, names)
  switch (node.type) {
    case AST_NODE_TYPES.Literal:
      return typeof node.value === 'string' ? [[readSource(literalSource(source.text, node))]] : []
    case AST_NODE_TYPES.TemplateLiteral:
      return [templateText(source, node, names)]
    case AST_NODE_TYPES.TaggedTemplateExpression:
      return source.getText(node.tag) === 'String.raw'
        ? [templateText(source, node.quasi, names, rawChunk)]
        : []
    case AST_NODE_TYPES.BinaryExpression:
      return node.operator === '+' ? concatenation(termsOf(node).map(follow)) : []
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
      return value === undefined ? textByType(source, node) : sqlTextsOf(source, value, names + 1)
    }
    default:
      return []
  }
}

/** The SQL of a template; a hole that is itself a constant text is filled in. */
export function templateText(
  source: Source,
  template: TSESTree.TemplateLiteral,
  names = 0,
  chunkOf: (part: SourceText) => Chunk = readSource,
): SqlText {
  return templateSources(source.text, template).reduce<SqlText>((text, part, index) => {
    const chunk = chunkOf(part)
    const hole = template.expressions[index - 1]
    if (hole === undefined) return [chunk]
    const [filling] = sqlTextsOf(source, hole, names)
    return filling === undefined ? [...text, chunk] : joined(joined(text, filling), [chunk])
  }, [])
}

/** What `String.raw` reads: escapes as they stand. */
function rawChunk({ start, raw }: SourceText): Chunk {
  return { text: raw, toFile: (offset) => start + offset }
}

/** The operands of a chain of `+` in their order; `a + b + c` is a tree as deep as it is long. */
function termsOf(chain: TSESTree.Node): TSESTree.Node[] {
  const terms: TSESTree.Node[] = []
  const waiting: TSESTree.Node[] = [chain]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.type === AST_NODE_TYPES.BinaryExpression && node.operator === '+') {
      waiting.push(node.left, node.right)
    } else {
      terms.push(node)
    }
  }
  return terms.reverse()
}

/** Put together by halves, so that a long chain is not as many layers deep. */
function concatenation(terms: readonly SqlText[][]): SqlText[] {
  if (terms.length < 2) return terms[0] ?? []
  const middle = terms.length >> 1
  return concatenations(concatenation(terms.slice(0, middle)), concatenation(terms.slice(middle)))
}

/** `left + right`; a side that cannot be told is a hole. */
function concatenations(left: SqlText[], right: SqlText[]): SqlText[] {
  const hole: SqlText = [{ text: '' }, { text: '' }]
  if (left.length === 0 && right.length === 0) return []
  const [lefts, rights] = [left.length > 0 ? left : [hole], right.length > 0 ? right : [hole]]
  return lefts.flatMap((first) => rights.map((second) => joined(first, second))).slice(0, mostTexts)
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
    const literal = object && withoutType(object)
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

/** `{ … } as const satisfies Statements` */
function withoutType(node: TSESTree.Node): TSESTree.Node {
  return node.type === AST_NODE_TYPES.TSAsExpression || node.type === AST_NODE_TYPES.TSSatisfiesExpression
    ? withoutType(node.expression)
    : node
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
    const { key } = property
    const word = key.type === AST_NODE_TYPES.Identifier ? key.name : key.value
    if (word === name) return property.value
  }
  return undefined
}
