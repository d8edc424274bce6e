import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { nodesIn } from '../syntax/nodes-in.ts'

/** What names the unique violation: its SQLSTATE, or somebody's word for it. */
const uniqueViolation = /^23505$|unique_?violation|unique_?constraint|is_?unique_?error|duplicate key/iu

/**
 * The words by which a handler recognises a unique violation and then goes on as if the transaction lived; `undefined`
 * where it does not look for one, or throws once it has seen it.
 */
export function swallowedUniqueViolation(
  syntax: EstreeSyntax,
  handler: TSESTree.Node,
): TSESTree.Node | undefined {
  const mention = mentionIn(syntax, handler)
  if (mention === undefined) return undefined
  const end =
    handler.type === AST_NODE_TYPES.BlockStatement
      ? endOf(syntax, handler.body)
      : endOfExpression(syntax, handler)
  return end === 'throws' ? undefined : mention
}

/** How control leaves a stretch when the error is a unique violation. */
type End = 'throws' | 'leaves' | 'goes on'

function endOf(syntax: EstreeSyntax, statements: readonly TSESTree.Statement[]): End {
  for (const statement of statements) {
    const end = endOfStatement(syntax, statement)
    if (end !== 'goes on') return end
  }
  return 'goes on'
}

function endOfStatement(syntax: EstreeSyntax, statement: TSESTree.Statement): End {
  switch (statement.type) {
    case AST_NODE_TYPES.ThrowStatement:
      return 'throws'
    case AST_NODE_TYPES.ReturnStatement:
      return statement.argument !== null && endOfExpression(syntax, statement.argument) === 'throws'
        ? 'throws'
        : 'leaves'
    case AST_NODE_TYPES.BlockStatement:
      return endOf(syntax, statement.body)
    case AST_NODE_TYPES.ExpressionStatement:
      return endOfExpression(syntax, statement.expression)
    case AST_NODE_TYPES.IfStatement: {
      const holds = isUniqueViolation(syntax, statement.test)
      const whenTrue = endOfStatement(syntax, statement.consequent)
      const whenFalse = statement.alternate === null ? 'goes on' : endOfStatement(syntax, statement.alternate)
      if (holds !== undefined) return holds ? whenTrue : whenFalse
      return whenTrue === whenFalse ? whenTrue : 'goes on'
    }
    default:
      return 'goes on'
  }
}

/** `Promise.reject(error)`, `trx.rollback(error)` and what comes to one of them. */
function endOfExpression(syntax: EstreeSyntax, node: TSESTree.Node): End {
  if (node.type === AST_NODE_TYPES.AwaitExpression) return endOfExpression(syntax, node.argument)
  if (node.type === AST_NODE_TYPES.ConditionalExpression) {
    const holds = isUniqueViolation(syntax, node.test)
    if (holds === undefined) return 'goes on'
    return endOfExpression(syntax, holds ? node.consequent : node.alternate)
  }
  if (node.type !== AST_NODE_TYPES.CallExpression || node.callee.type !== AST_NODE_TYPES.MemberExpression)
    return 'goes on'
  const { property } = node.callee
  const ends =
    property.type === AST_NODE_TYPES.Identifier &&
    (property.name === 'reject' || property.name === 'rollback')
  return ends ? 'throws' : 'goes on'
}

/** What a test comes to for a unique violation; `undefined` where it asks for something else. */
function isUniqueViolation(syntax: EstreeSyntax, test: TSESTree.Node): boolean | undefined {
  if (test.type === AST_NODE_TYPES.UnaryExpression && test.operator === '!') {
    const holds = isUniqueViolation(syntax, test.argument)
    return holds === undefined ? undefined : !holds
  }
  if (test.type === AST_NODE_TYPES.LogicalExpression) {
    const sides = [isUniqueViolation(syntax, test.left), isUniqueViolation(syntax, test.right)]
    if (test.operator === '&&') return sides.includes(false) ? false : sides.every(Boolean) || undefined
    return sides.includes(true) ? true : sides.every((side) => side === false) ? false : undefined
  }
  if (mentionIn(syntax, test) === undefined) return undefined
  return !(test.type === AST_NODE_TYPES.BinaryExpression && test.operator.startsWith('!'))
}

function mentionIn(syntax: EstreeSyntax, node: TSESTree.Node): TSESTree.Node | undefined {
  for (const each of nodesIn(syntax, node)) {
    if (each.type === AST_NODE_TYPES.Identifier && uniqueViolation.test(each.name)) return each
    if (each.type === AST_NODE_TYPES.Literal && uniqueViolation.test(String(each.value))) return each
  }
  return undefined
}
