import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { View } from './view.ts'

type Node = TSESTree.Node

const other = { kind: 'other' } as const

/** ESLint's node in the words of {@link View}. */
export function viewOfEstree(node: Node): View<Node> {
  switch (node.type) {
    case AST_NODE_TYPES.Identifier:
      return node.name === 'undefined'
        ? { kind: 'literal', value: undefined }
        : { kind: 'name', name: node.name }
    case AST_NODE_TYPES.ThisExpression:
      return { kind: 'this' }
    case AST_NODE_TYPES.MemberExpression:
      return memberView(node)
    case AST_NODE_TYPES.CallExpression:
      return { kind: 'call', callee: node.callee, arguments: node.arguments }
    case AST_NODE_TYPES.NewExpression:
      return { kind: 'new', callee: node.callee, arguments: node.arguments }
    case AST_NODE_TYPES.ChainExpression:
    case AST_NODE_TYPES.TSNonNullExpression:
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSSatisfiesExpression:
    case AST_NODE_TYPES.TSTypeAssertion:
      return { kind: 'wrapped', inner: node.expression }
    case AST_NODE_TYPES.AwaitExpression:
      return { kind: 'await', inner: node.argument }
    case AST_NODE_TYPES.LogicalExpression:
      return { kind: 'logical', operator: node.operator, left: node.left, right: node.right }
    case AST_NODE_TYPES.UnaryExpression:
      return unaryView(node)
    case AST_NODE_TYPES.BinaryExpression:
      return binaryView(node)
    case AST_NODE_TYPES.ConditionalExpression:
    case AST_NODE_TYPES.IfStatement:
      return {
        kind: 'conditional',
        test: node.test,
        consequent: node.consequent,
        alternate: node.alternate ?? undefined,
      }
    case AST_NODE_TYPES.BlockStatement:
    case AST_NODE_TYPES.Program:
      return { kind: 'block', statements: node.body }
    case AST_NODE_TYPES.ReturnStatement:
    case AST_NODE_TYPES.ThrowStatement:
    case AST_NODE_TYPES.ContinueStatement:
    case AST_NODE_TYPES.BreakStatement:
      return {
        kind: 'exit',
        isBreak: node.type === AST_NODE_TYPES.BreakStatement,
        isReturn: node.type === AST_NODE_TYPES.ReturnStatement,
      }
    case AST_NODE_TYPES.TryStatement:
      return {
        kind: 'try',
        block: node.block,
        handler: node.handler?.body,
        finalizer: node.finalizer ?? undefined,
      }
    case AST_NODE_TYPES.SwitchStatement:
      return {
        kind: 'switch',
        cases: node.cases.map(({ consequent }) => consequent),
        hasDefault: node.cases.some(({ test }) => test === null),
      }
    case AST_NODE_TYPES.AssignmentExpression:
      return node.operator === '=' ? { kind: 'assignment', left: node.left, right: node.right } : other
    case AST_NODE_TYPES.ObjectExpression:
      return objectView(node)
    case AST_NODE_TYPES.ArrayExpression:
      return { kind: 'array', elements: node.elements.filter((element) => element !== null) }
    case AST_NODE_TYPES.SpreadElement:
      return { kind: 'spread' }
    case AST_NODE_TYPES.Literal:
      return {
        kind: 'literal',
        value: node.value === null || typeof node.value === 'boolean' ? node.value : String(node.value),
      }
    case AST_NODE_TYPES.TemplateLiteral:
      return templateView(node)
    case AST_NODE_TYPES.FunctionDeclaration:
    case AST_NODE_TYPES.FunctionExpression:
    case AST_NODE_TYPES.ArrowFunctionExpression:
      return { kind: 'function', fieldsByParameter: fieldsOf(node.params) }
    case AST_NODE_TYPES.ClassDeclaration:
    case AST_NODE_TYPES.ClassExpression:
      return { kind: 'class' }
    default:
      return other
  }
}

function templateView({ quasis }: TSESTree.TemplateLiteral): View<Node> {
  const [first = '', ...others] = quasis.map(({ value }) => value.cooked ?? '')
  return others.length === 0
    ? { kind: 'literal', value: first }
    : { kind: 'template', texts: [first, ...others] }
}

function memberView({ object, property, computed }: TSESTree.MemberExpression): View<Node> {
  if (!computed && property.type === AST_NODE_TYPES.Identifier)
    return { kind: 'member', object, property: property.name }
  if (property.type === AST_NODE_TYPES.PrivateIdentifier)
    return { kind: 'member', object, property: `#${property.name}` }
  if (property.type !== AST_NODE_TYPES.Literal || typeof property.value !== 'string') return other
  return { kind: 'member', object, property: property.value }
}

function unaryView(node: TSESTree.UnaryExpression): View<Node> {
  if (node.operator === '!') return { kind: 'not', operand: node.argument }
  return node.operator === 'typeof' ? { kind: 'typeof', operand: node.argument } : other
}

function binaryView(node: TSESTree.BinaryExpression): View<Node> {
  const { operator, left, right } = node
  if (operator === '===' || operator === '==') return { kind: 'equal', negated: false, left, right }
  if (operator === '!==' || operator === '!=') return { kind: 'equal', negated: true, left, right }
  return operator === 'in' ? { kind: 'in', property: left, object: right } : other
}

function objectView(node: TSESTree.ObjectExpression): View<Node> {
  const properties = new Map<string, Node>()
  let base: Node | undefined
  let isOpen = false
  for (const [index, property] of node.properties.entries()) {
    if (property.type === AST_NODE_TYPES.SpreadElement) {
      // What is spread may override everything before it.
      base = index === 0 ? property.argument : undefined
      properties.clear()
    } else if (!property.computed) {
      const { key, value } = property
      const name = key.type === AST_NODE_TYPES.Identifier ? key.name : undefined
      if (name !== undefined && property.kind === 'init') properties.set(name, value)
      else isOpen = true
    }
    isOpen ||= property.type === AST_NODE_TYPES.SpreadElement || property.computed
  }
  return { kind: 'object', properties, base, isOpen }
}

function fieldsOf(parameters: readonly TSESTree.Parameter[]): ReadonlyMap<string, number> {
  const fields = new Map<string, number>()
  for (const [index, parameter] of parameters.entries()) {
    if (parameter.type !== AST_NODE_TYPES.TSParameterProperty) continue
    const name =
      parameter.parameter.type === AST_NODE_TYPES.Identifier ? parameter.parameter : parameter.parameter.left
    fields.set(name.name, index)
  }
  return fields
}
