import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { appendedTexts, assignedTexts } from './assigned-text.ts'
import { constantValue, propertyOf, withoutType } from './constant.ts'
import { formatted, isFormat } from './pg-format.ts'
import { literalSource, readSource, templateSources, type SourceText } from './source-text.ts'
import { isSqlTag } from './sites.ts'
import { textOfFile } from './sql-file.ts'
import { concatenation, type Chunk, type SqlText } from './sql-text.ts'

type Source = Readonly<TSESLint.SourceCode>

/** Tags that leave a text as it is, but for its blanks. */
const layoutTags = new Set(['dedent', 'outdent', 'stripIndent', 'stripIndents', 'oneLine'])

const known = new WeakMap<LintedFile, Map<TSESTree.Node, readonly SqlText[]>>()

/** How deep expressions and names are followed into one another. */
const mostSteps = 200
let steps = 0

/** The SQL an expression holds; several where it chooses, none where it cannot be told. */
export function sqlTextsOf(file: LintedFile, node: TSESTree.Node): readonly SqlText[] {
  const texts = known.get(file) ?? new Map<TSESTree.Node, readonly SqlText[]>()
  known.set(file, texts)
  const found = texts.get(node)
  if (found !== undefined) return found
  if (steps > mostSteps) return []
  // Whoever comes back here on the way, by a name that stands for itself, finds nothing.
  texts.set(node, [])
  steps += 1
  try {
    const read = readTexts(file, withoutType(node))
    texts.set(node, read)
    return read
  } finally {
    steps -= 1
  }
}

function readTexts(file: LintedFile, node: TSESTree.Node): readonly SqlText[] {
  const follow = (next: TSESTree.Node) => sqlTextsOf(file, next)
  switch (node.type) {
    case AST_NODE_TYPES.Literal:
      return typeof node.value === 'string' ? [[readSource(literalSource(file.source.text, node))]] : []
    case AST_NODE_TYPES.TemplateLiteral:
      return templateTexts(file, node)
    case AST_NODE_TYPES.TaggedTemplateExpression: {
      if (file.source.getText(node.tag) === 'String.raw') return templateTexts(file, node.quasi, rawChunk)
      if (isSqlTag(node.tag)) return taggedTexts(file, node)
      const isLayout = node.tag.type === AST_NODE_TYPES.Identifier && layoutTags.has(node.tag.name)
      return isLayout ? templateTexts(file, node.quasi) : []
    }
    case AST_NODE_TYPES.BinaryExpression:
      return node.operator === '+' ? concatenation(termsOf(node).map(follow)) : []
    case AST_NODE_TYPES.ConditionalExpression:
      return [...follow(node.consequent), ...follow(node.alternate)]
    case AST_NODE_TYPES.LogicalExpression:
      return [...follow(node.left), ...follow(node.right)]
    case AST_NODE_TYPES.AwaitExpression:
      return follow(node.argument)
    case AST_NODE_TYPES.ObjectExpression: {
      const text = propertyOf(node, 'text')
      return text === undefined ? [] : follow(text)
    }
    case AST_NODE_TYPES.CallExpression:
      return textsOfCall(file, node)
    case AST_NODE_TYPES.Identifier:
    case AST_NODE_TYPES.MemberExpression: {
      const value = constantValue(file.source, node)
      if (value !== undefined) return follow(value)
      return assignedTexts(file, node, follow) ?? textByType(file, node)
    }
    default:
      return []
  }
}

/** The SQL of a template; a hole that is itself a text that can be told is filled in. */
function templateTexts(
  file: LintedFile,
  template: TSESTree.TemplateLiteral,
  chunkOf: (part: SourceText) => Chunk = readSource,
): readonly SqlText[] {
  const parts = templateSources(file.source.text, template).map((part): SqlText[] => [[chunkOf(part)]])
  const holes = template.expressions.map((hole) => sqlTextsOf(file, hole))
  return concatenation(
    parts.flatMap((part, index) => (index === 0 ? [part] : [holes[index - 1] ?? [], part])),
  )
}

/** The SQL of a tagged template, with what `.append(…)` puts behind it. */
function taggedTexts(file: LintedFile, tagged: TSESTree.TaggedTemplateExpression): readonly SqlText[] {
  const appended = appendedTexts(file, tagged, (next) => sqlTextsOf(file, next))
  return concatenation([templateTexts(file, tagged.quasi), ...appended])
}

/** What `String.raw` reads: escapes as they stand. */
function rawChunk({ start, raw }: SourceText): Chunk {
  return { text: raw, placeOf: (offset) => start + offset }
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

function textsOfCall(file: LintedFile, call: TSESTree.CallExpression): readonly SqlText[] {
  const [first] = call.arguments
  if (call.callee.type === AST_NODE_TYPES.MemberExpression) {
    const { object } = call.callee
    const method = ASTUtils.getPropertyName(call.callee)
    if (method === 'trim' || method === 'toString') return sqlTextsOf(file, object)
    if (method === 'join') return joinedTexts(file, object, first)
  }
  if (first !== undefined && isFormat(file.source, call.callee)) return sqlTextsOf(file, first).map(formatted)
  const fromFile = textOfFile(file, call)
  if (fromFile !== undefined) return [[fromFile]]
  const returned = returnedBy(file, call)
  return returned === undefined ? [] : sqlTextsOf(file, returned)
}

/** `[ 'SELECT 1', … ].join(' ')`, also behind `.filter(Boolean)`. */
function joinedTexts(
  file: LintedFile,
  object: TSESTree.Node,
  separator: TSESTree.Node | undefined,
): readonly SqlText[] {
  const list = listOf(object)
  const between = separator === undefined ? [[{ text: ',' }]] : sqlTextsOf(file, separator)
  if (list === undefined || between.length === 0) return []
  // A line break between the parts is no place in the source.
  const gap = between.map((text) => text.map((chunk) => ({ text: chunk.text })))
  const terms = list.elements.map((element) => (element === null ? [] : sqlTextsOf(file, element)))
  return concatenation(terms.flatMap((term, index) => (index === 0 ? [term] : [gap, term])))
}

function listOf(node: TSESTree.Node): TSESTree.ArrayExpression | undefined {
  const plain = withoutType(node)
  if (plain.type === AST_NODE_TYPES.ArrayExpression) return plain
  if (plain.type === AST_NODE_TYPES.CallExpression && plain.callee.type === AST_NODE_TYPES.MemberExpression) {
    const [kept] = plain.arguments
    const isOfTruthy = kept?.type === AST_NODE_TYPES.Identifier && kept.name === 'Boolean'
    const list = withoutType(plain.callee.object)
    return isOfTruthy && list.type === AST_NODE_TYPES.ArrayExpression ? list : undefined
  }
  // What a name stands for may have been pushed to.
  return undefined
}

/** What a function of this file gives back, where it says so in one place. */
function returnedBy({ syntax }: LintedFile, call: TSESTree.CallExpression): TSESTree.Node | undefined {
  const fn = syntax.functionCalledBy(call)
  if (fn === undefined || !ASTUtils.isFunction(fn) || fn.generator) return undefined
  const { body } = fn
  if (body.type !== AST_NODE_TYPES.BlockStatement) return body
  const [only] = body.body
  return body.body.length === 1 && only?.type === AST_NODE_TYPES.ReturnStatement
    ? (only.argument ?? undefined)
    : undefined
}

/** A constant of another file: its type is its text. Of values that are made at run time no type needs to be asked. */
function textByType({ services, source }: LintedFile, node: TSESTree.Node): readonly SqlText[] {
  if (services === undefined || !mayBeConstantElsewhere(source, node)) return []
  const type = services.getTypeAtLocation(node)
  return type.isStringLiteral() ? [[{ text: type.value }]] : []
}

function mayBeConstantElsewhere(source: Source, node: TSESTree.Node): boolean {
  let root = node
  while (root.type === AST_NODE_TYPES.MemberExpression) root = root.object
  if (root.type === AST_NODE_TYPES.ThisExpression) {
    const name = node.type === AST_NODE_TYPES.MemberExpression ? ASTUtils.getPropertyName(node) : null
    return /sql|query|statement/iu.test(name ?? '')
  }
  if (root.type !== AST_NODE_TYPES.Identifier) return false
  const definition = ASTUtils.findVariable(source.getScope(root), root)?.defs[0]
  const { DefinitionType } = TSESLint.Scope
  if (definition === undefined || definition.type === DefinitionType.Parameter) return false
  if (definition.type !== DefinitionType.Variable || root !== node) return true
  // `const { OPEN } = statements`
  const { id, init } = definition.node
  const isOfName = init?.type === AST_NODE_TYPES.Identifier || init?.type === AST_NODE_TYPES.MemberExpression
  return id.type === AST_NODE_TYPES.ObjectPattern && isOfName
}
