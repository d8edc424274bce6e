import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'

/** Functions that do nothing but answer. */
const onlyAnswers =
  /^(?:Date\.now|(?:crypto\.)?randomUUID|JSON\.stringify|String|Number|Boolean|BigInt|Math\.\w+|[\w.]+\.(?:raw|ref|fn\.now|fn\.uuid|toISOString|toString|toFixed|toLowerCase|toUpperCase|trim|slice|getTime))$/u

/** Whether a value may be asked for where it was not, or earlier: nothing happens by that, and it does not fail. */
export function isHarmless(source: LintedFile['source'], node: TSESTree.Node | null): boolean {
  const are = (...nodes: (TSESTree.Node | null)[]) => nodes.every((each) => isHarmless(source, each))
  switch (node?.type) {
    case AST_NODE_TYPES.Literal:
    case AST_NODE_TYPES.Identifier:
    case AST_NODE_TYPES.ThisExpression:
      return true
    case AST_NODE_TYPES.TemplateLiteral:
      return are(...node.expressions)
    case AST_NODE_TYPES.MemberExpression:
      return !node.computed && are(node.object)
    case AST_NODE_TYPES.ChainExpression:
    case AST_NODE_TYPES.TSAsExpression:
    case AST_NODE_TYPES.TSSatisfiesExpression:
      return are(node.expression)
    case AST_NODE_TYPES.UnaryExpression:
      return node.operator !== 'delete' && are(node.argument)
    case AST_NODE_TYPES.BinaryExpression:
    case AST_NODE_TYPES.LogicalExpression:
      return are(node.left, node.right)
    case AST_NODE_TYPES.ConditionalExpression:
      return are(node.test, node.consequent, node.alternate)
    case AST_NODE_TYPES.ArrayExpression:
      return are(...node.elements)
    case AST_NODE_TYPES.ObjectExpression:
      return are(...node.properties)
    case AST_NODE_TYPES.Property:
      return !node.computed && are(node.value)
    case AST_NODE_TYPES.NewExpression:
      return source.getText(node.callee) === 'Date' && are(...node.arguments)
    case AST_NODE_TYPES.CallExpression:
      return onlyAnswers.test(source.getText(node.callee)) && are(...node.arguments)
    default:
      return false
  }
}
