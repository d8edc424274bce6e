import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { statementsOf } from '../extent/extent.ts'
import type { LintedFile } from '../linted-file.ts'
import { ancestorsOf } from '../syntax/ancestors-of.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import { isFunction } from '../syntax/function-node.ts'

/**
 * Whether a handler only takes a note (`failed = true`, `errors.push(error)`) and what stands behind it ends the
 * transaction on that note; in a loop only if the handler leaves it.
 */
export function isTestedBehind(
  file: LintedFile,
  { handler, at }: { readonly handler: TSESTree.Node; readonly at: TSESTree.Node },
): boolean {
  const notes = notesIn(file, handler)
  if (notes.size === 0) return false
  const leavesLoop = [...nodesIn<TSESTree.Node>(file.syntax, handler)].some(
    ({ type }) => type === AST_NODE_TYPES.BreakStatement,
  )
  for (const [above, child] of ancestorsOf(at)) {
    if (isFunction(above) || (isLoop(above) && !leavesLoop)) return false
    const statements = statementsOf(above) ?? []
    const behind = statements.slice(statements.indexOf(child) + 1)
    if (behind.some((statement) => endsOn(file, statement, notes))) return true
  }
  return false
}

function isLoop({ type }: TSESTree.Node): boolean {
  return /^(?:For|While|DoWhile)/u.test(type)
}

/** The names of what a handler sets or adds to. */
function notesIn(file: LintedFile, handler: TSESTree.Node): Set<string> {
  const notes = new Set<string>()
  for (const node of nodesIn<TSESTree.Node>(file.syntax, handler)) {
    if (node.type === AST_NODE_TYPES.AssignmentExpression && node.left.type === AST_NODE_TYPES.Identifier) {
      notes.add(node.left.name)
    }
    if (node.type !== AST_NODE_TYPES.CallExpression || node.callee.type !== AST_NODE_TYPES.MemberExpression)
      continue
    const { object } = node.callee
    if (ASTUtils.getPropertyName(node.callee) === 'push' && object.type === AST_NODE_TYPES.Identifier) {
      notes.add(object.name)
    }
  }
  return notes
}

/** `if (failed) throw failed`, `if (errors.length > 0) await trx.rollback()` */
function endsOn(file: LintedFile, statement: TSESTree.Node, notes: ReadonlySet<string>): boolean {
  if (statement.type !== AST_NODE_TYPES.IfStatement) return false
  const isAsked = [...nodesIn<TSESTree.Node>(file.syntax, statement.test)].some(
    (node) => node.type === AST_NODE_TYPES.Identifier && notes.has(node.name),
  )
  return isAsked && /\bthrow\b|\brollback\b|\bROLLBACK\b|\breject\(/u.test(file.source.getText(statement))
}
