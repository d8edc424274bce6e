import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { nodesIn } from '../syntax/nodes-in.ts'

/** Words of tests that an error of the database may pass. */
const mayBeOfDatabase =
  /code|constraint|violation|unique|duplicate|foreign|database|postgres|\bpg|sql|query|dberror|deadlock|serializ|conflict|timeout|detail|message|retry|transient|\b(?:Error|Exception)\b|isError|isObject|^(?:23|40|25|55|57)\w{3}$/iu

/** What a test in a handler comes to for an error of the database; `undefined` where it may be either. */
export function holdsForDatabaseError(
  file: LintedFile,
  test: TSESTree.Node,
  error: string | undefined,
): boolean | undefined {
  const holds = (node: TSESTree.Node) => holdsForDatabaseError(file, node, error)
  switch (test.type) {
    case AST_NODE_TYPES.UnaryExpression: {
      const operand = test.operator === '!' ? holds(test.argument) : undefined
      return operand === undefined ? undefined : !operand
    }
    case AST_NODE_TYPES.LogicalExpression: {
      const sides = [holds(test.left), holds(test.right)]
      const deciding = test.operator !== '&&'
      if (sides.includes(deciding)) return deciding
      return sides.every((side) => side === !deciding) ? !deciding : undefined
    }
    case AST_NODE_TYPES.Identifier:
      return test.name === error || /trx|transaction|\btx/iu.test(test.name) ? true : undefined
    default:
      return byWords(file, test, error)
  }
}

/** `error instanceof NotFound` is false of it, `error.code === '23505'` may be either, `!trx.isCompleted()` is true. */
function byWords(file: LintedFile, test: TSESTree.Node, error: string | undefined): boolean | undefined {
  const words: string[] = []
  for (const node of nodesIn(file.syntax, test)) {
    if (node.type === AST_NODE_TYPES.Identifier) words.push(node.name)
    if (node.type === AST_NODE_TYPES.Literal) words.push(String(node.value))
  }
  if (words.includes('isCompleted')) return false
  if (error === undefined || !words.includes(error)) return undefined
  const others = words.filter((word) => word !== error)
  const isPlainError =
    test.type === AST_NODE_TYPES.BinaryExpression &&
    test.operator === 'instanceof' &&
    others.join() === 'Error'
  if (isPlainError) return true
  const other = otherCodeIn(test)
  if (other !== undefined) return other.operator.startsWith('!')
  if (others.length === 0 || others.some((word) => mayBeOfDatabase.test(word))) return undefined
  return test.type === AST_NODE_TYPES.BinaryExpression && test.operator.startsWith('!')
}

/** `error.code === 'ENOENT'`: a text that no error of PostgreSQL's has. */
function otherCodeIn(test: TSESTree.Node): TSESTree.BinaryExpression | undefined {
  if (test.type !== AST_NODE_TYPES.BinaryExpression || !/^[!=]==?$/u.test(test.operator)) return undefined
  const text = test.right.type === AST_NODE_TYPES.Literal ? test.right.value : undefined
  const isOther = typeof text === 'string' && !/^[0-9A-Z]{5}$/u.test(text) && !mayBeOfDatabase.test(text)
  return isOther ? test : undefined
}
