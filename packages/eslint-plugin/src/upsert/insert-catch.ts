import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { alwaysThrows, type Reading } from '../syntax/handler-end.ts'
import { chainOf, queryOf } from '../knex/query.ts'
import type { LintedFile } from '../linted-file.ts'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { insertsIn } from './inserts.ts'

/** What names the unique violation: its SQLSTATE, or somebody's word for it. */
const uniqueViolation = /^23505$|unique_?violation|unique_?constraint|is_?unique_?error|duplicate key/iu

/**
 * The words by which a handler recognises a unique violation of an insert in an open transaction and then goes on as if that
 * lived; `undefined` where it does not look for one, or throws once it has seen it.
 */
export function insertCatchIn(
  file: LintedFile,
  tried: TSESTree.Node,
  handler: TSESTree.Node,
): TSESTree.Node | undefined {
  const node = swallowedUniqueViolation(file.syntax, handler)
  const isInOpenTransaction = (insert: TSESTree.CallExpression): boolean => {
    const query = queryOf(chainOf(insert))
    if (query?.on === undefined || query.methods.has('onConflict')) return false
    return file.handleAt(query.on) === 'transaction' && !file.isOnWriter(query.on)
  }
  return node !== undefined && insertsIn(file.syntax, tried).some(isInOpenTransaction) ? node : undefined
}

function swallowedUniqueViolation(syntax: EstreeSyntax, handler: TSESTree.Node): TSESTree.Node | undefined {
  const mention = mentionIn(syntax, handler)
  if (mention === undefined) return undefined
  const reading: Reading = {
    holds: (test) => isUniqueViolation(syntax, test),
    ends: (call) => /^(?:reject|rollback)$/u.test(syntax.calledName(call) ?? ''),
  }
  return alwaysThrows(reading, handler) ? undefined : mention
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
