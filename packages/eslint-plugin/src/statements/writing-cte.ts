import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { sqlTextsOf } from '../sql/text-of.ts'
import { isCallOf, isOnBuilder } from '../knex/builder-call.ts'

const withs = new Set(['with', 'withRecursive', 'withMaterialized', 'withNotMaterialized', 'withRaw'])
const writes = new Set(['insert', 'update', 'del', 'delete', 'increment', 'decrement', 'upsert'])
const raws = new Set(['raw'])

/** `.with('moved', trx('t').del().returning('*'))`: a common table expression that writes. */
export function writingCteAt(file: LintedFile, call: TSESTree.CallExpression): TSESTree.Node | undefined {
  if (!isCallOf(withs, call) || !call.arguments.slice(1).some((query) => isWrite(file, query)))
    return undefined
  return isOnBuilder(file, call) && !file.isOnWriter(call.callee) ? call.callee.property : undefined
}

function isWrite(file: LintedFile, query: TSESTree.Node): boolean {
  switch (query.type) {
    case AST_NODE_TYPES.ArrowFunctionExpression:
      return isWrite(file, query.body)
    case AST_NODE_TYPES.Literal:
    case AST_NODE_TYPES.TemplateLiteral:
      return sqlTextsOf(file, query).some(([first]) =>
        /^\s*(?:insert|update|delete|merge)\b/iu.test(first?.text ?? ''),
      )
    case AST_NODE_TYPES.CallExpression: {
      if (isCallOf(writes, query)) return true
      const [text] = query.arguments
      if (isCallOf(raws, query)) return text !== undefined && isWrite(file, text)
      return query.callee.type === AST_NODE_TYPES.MemberExpression && isWrite(file, query.callee.object)
    }
    default:
      return false
  }
}
