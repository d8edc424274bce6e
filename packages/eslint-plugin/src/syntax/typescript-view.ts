import type * as ts from 'typescript'
import type { View } from './view.ts'

type TypeScript = typeof ts

const other = { kind: 'other' } as const

/** TypeScript's node in the words of {@link View}. */
export function viewOfTypeScript(ts: TypeScript, node: ts.Node): View<ts.Node> {
  if (ts.isIdentifier(node)) {
    return node.text === 'undefined'
      ? { kind: 'literal', value: undefined }
      : { kind: 'name', name: node.text }
  }
  if (ts.isPropertyAccessExpression(node))
    return { kind: 'member', object: node.expression, property: node.name.text }
  if (ts.isCallExpression(node)) return { kind: 'call', callee: node.expression, arguments: node.arguments }
  if (ts.isNewExpression(node))
    return { kind: 'new', callee: node.expression, arguments: node.arguments ?? [] }
  if (isWrapping(ts, node)) return { kind: 'wrapped', inner: node.expression }
  if (ts.isAwaitExpression(node)) return { kind: 'await', inner: node.expression }
  if (ts.isBinaryExpression(node)) return binaryView(ts, node)
  if (ts.isFunctionLike(node)) return { kind: 'function', fieldsByParameter: fieldsOf(ts, node.parameters) }
  return statementView(ts, node) ?? valueView(ts, node) ?? other
}

/** The expression inside parentheses, `!`, `as` and `satisfies`. */
export function withoutWrapping(ts: TypeScript, node: ts.Node): ts.Node {
  return isWrapping(ts, node) ? withoutWrapping(ts, node.expression) : node
}

function isWrapping(
  ts: TypeScript,
  node: ts.Node,
): node is
  | ts.ParenthesizedExpression
  | ts.NonNullExpression
  | ts.AsExpression
  | ts.SatisfiesExpression
  | ts.TypeAssertion {
  return (
    ts.isParenthesizedExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isTypeAssertionExpression(node)
  )
}

function binaryView(ts: TypeScript, { operatorToken, left, right }: ts.BinaryExpression): View<ts.Node> {
  switch (operatorToken.kind) {
    case ts.SyntaxKind.AmpersandAmpersandToken:
      return { kind: 'logical', operator: '&&', left, right }
    case ts.SyntaxKind.BarBarToken:
      return { kind: 'logical', operator: '||', left, right }
    case ts.SyntaxKind.QuestionQuestionToken:
      return { kind: 'logical', operator: '??', left, right }
    case ts.SyntaxKind.EqualsEqualsEqualsToken:
    case ts.SyntaxKind.EqualsEqualsToken:
      return { kind: 'equal', negated: false, left, right }
    case ts.SyntaxKind.ExclamationEqualsEqualsToken:
    case ts.SyntaxKind.ExclamationEqualsToken:
      return { kind: 'equal', negated: true, left, right }
    case ts.SyntaxKind.InKeyword:
      return { kind: 'in', property: left, object: right }
    case ts.SyntaxKind.EqualsToken:
      return { kind: 'assignment', left, right }
    default:
      return other
  }
}

function statementView(ts: TypeScript, node: ts.Node): View<ts.Node> | undefined {
  if (ts.isIfStatement(node)) {
    return {
      kind: 'conditional',
      test: node.expression,
      consequent: node.thenStatement,
      alternate: node.elseStatement,
    }
  }
  if (ts.isConditionalExpression(node)) {
    return { kind: 'conditional', test: node.condition, consequent: node.whenTrue, alternate: node.whenFalse }
  }
  if (ts.isBlock(node) || ts.isSourceFile(node)) return { kind: 'block', statements: node.statements }
  const leaves =
    ts.isReturnStatement(node) ||
    ts.isThrowStatement(node) ||
    ts.isContinueStatement(node) ||
    ts.isBreakStatement(node)
  if (leaves)
    return { kind: 'exit', isBreak: ts.isBreakStatement(node), isReturn: ts.isReturnStatement(node) }
  if (ts.isTryStatement(node)) {
    const { tryBlock, catchClause, finallyBlock } = node
    return { kind: 'try', block: tryBlock, handler: catchClause?.block, finalizer: finallyBlock }
  }
  if (ts.isSwitchStatement(node)) {
    const { clauses } = node.caseBlock
    return {
      kind: 'switch',
      cases: clauses.map(({ statements }) => statements),
      hasDefault: clauses.some((clause) => ts.isDefaultClause(clause)),
    }
  }
  return ts.isClassLike(node) ? { kind: 'class' } : undefined
}

function valueView(ts: TypeScript, node: ts.Node): View<ts.Node> | undefined {
  switch (node.kind) {
    case ts.SyntaxKind.ThisKeyword:
      return { kind: 'this' }
    case ts.SyntaxKind.NullKeyword:
      return { kind: 'literal', value: null }
    case ts.SyntaxKind.TrueKeyword:
      return { kind: 'literal', value: true }
    case ts.SyntaxKind.FalseKeyword:
      return { kind: 'literal', value: false }
    case ts.SyntaxKind.SpreadElement:
      return { kind: 'spread' }
    default:
  }
  if (ts.isStringLiteralLike(node) || ts.isNumericLiteral(node)) return { kind: 'literal', value: node.text }
  if (ts.isElementAccessExpression(node)) {
    const { expression, argumentExpression } = node
    return ts.isStringLiteralLike(argumentExpression)
      ? { kind: 'member', object: expression, property: argumentExpression.text }
      : other
  }
  if (ts.isTemplateExpression(node)) {
    return {
      kind: 'template',
      texts: [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)],
    }
  }
  if (ts.isPrefixUnaryExpression(node)) {
    return node.operator === ts.SyntaxKind.ExclamationToken ? { kind: 'not', operand: node.operand } : other
  }
  if (ts.isTypeOfExpression(node)) return { kind: 'typeof', operand: node.expression }
  if (ts.isArrayLiteralExpression(node)) return { kind: 'array', elements: node.elements }
  return ts.isObjectLiteralExpression(node) ? objectView(ts, node) : undefined
}

function objectView(ts: TypeScript, node: ts.ObjectLiteralExpression): View<ts.Node> {
  const properties = new Map<string, ts.Node>()
  let base: ts.Node | undefined
  let isOpen = false
  for (const [index, property] of node.properties.entries()) {
    if (ts.isPropertyAssignment(property) && ts.isIdentifier(property.name)) {
      properties.set(property.name.text, property.initializer)
    } else if (ts.isShorthandPropertyAssignment(property)) {
      properties.set(property.name.text, property.name)
    } else if (ts.isMethodDeclaration(property) && ts.isIdentifier(property.name)) {
      properties.set(property.name.text, property)
    } else {
      isOpen = true
    }
    if (ts.isSpreadAssignment(property)) {
      // What is spread may override everything before it.
      base = index === 0 ? property.expression : undefined
      properties.clear()
    }
  }
  return { kind: 'object', properties, base, isOpen }
}

function fieldsOf(ts: TypeScript, parameters: readonly ts.Node[]): ReadonlyMap<string, number> {
  const fields = new Map<string, number>()
  for (const [index, parameter] of parameters.entries()) {
    if (!ts.isParameter(parameter) || !ts.isConstructorDeclaration(parameter.parent)) continue
    if (ts.isParameterPropertyDeclaration(parameter, parameter.parent) && ts.isIdentifier(parameter.name)) {
      fields.set(parameter.name.text, index)
    }
  }
  return fields
}
