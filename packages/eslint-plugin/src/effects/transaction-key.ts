import { AST_NODE_TYPES, ASTUtils, TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { isAlwaysTransaction } from '../extent/handed.ts'
import { extentsOf } from '../extent/extents.ts'
import type { LintedFile } from '../linted-file.ts'

/** The same value for every mention of one transaction: its variable, or the text of `this.trx`. */
export type TransactionKey = TSESLint.Scope.Variable | string

/** Fields and names of which the type is asked. */
const mayBeTransaction = /trx|tx|transaction|knex|^db$|conn|client/iu

/** Which transaction `node` holds that is surely open there; `undefined` for everything else. */
export function transactionKeyOf(file: LintedFile, node: TSESTree.Node): TransactionKey | undefined {
  if (node.type === AST_NODE_TYPES.MemberExpression) {
    const name = ASTUtils.getPropertyName(node) ?? ''
    return mayBeTransaction.test(name) && isAlwaysTransaction(file, node)
      ? file.source.getText(node)
      : undefined
  }
  if (node.type !== AST_NODE_TYPES.Identifier) return undefined
  const variable = ASTUtils.findVariable(file.source.getScope(node), node)
  if (variable === null) return undefined
  const extents = extentsOf(file)
  if (extents.all.some((extent) => extent.variable === variable)) {
    return extents.at(node).some((extent) => extent.variable === variable) ? variable : undefined
  }
  const isParameter = variable.defs.some(({ type }) => type === TSESLint.Scope.DefinitionType.Parameter)
  return !isParameter && mayBeTransaction.test(node.name) && isAlwaysTransaction(file, node)
    ? variable
    : undefined
}
