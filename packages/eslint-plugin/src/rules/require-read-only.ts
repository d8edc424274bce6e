import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { onlyReads } from '../effects/only-reads.ts'
import { extentsOf } from '../extent/extents.ts'
import { lintedFile } from '../linted-file.ts'

export default createRule<[], 'readOnly'>({
  name: 'require-read-only',
  meta: {
    type: 'suggestion',
    docs: {
      description: 'require transactions that only read to say so',
      recommended: 'off',
      strict: 'warn',
      rows: [],
    },
    schema: [],
    messages: {
      readOnly:
        'This transaction only reads. Say `{ readOnly: true }`: it is then never forwarded, and a write that is added to it later fails where it stands.',
    },
  },
  create(context) {
    const file = lintedFile(context)
    return {
      'Program:exit'() {
        for (const extent of extentsOf(file).all) {
          const { kind, opening, on } = extent
          if (kind !== 'callback' || opening === undefined || on === undefined) continue
          const { callee } = opening
          const isKnex = callee.type === AST_NODE_TYPES.MemberExpression && callee.object === on
          if (!isKnex || file.handleAt(on) !== 'knex' || file.isOnWriter(on) || mayBeReadOnly(opening))
            continue
          if (onlyReads(file, extent)) context.report({ node: callee.property, messageId: 'readOnly' })
        }
      },
    }
  },
})

/** Whether the options say `readOnly`, one way or the other, or cannot be read. */
function mayBeReadOnly({ arguments: [, options] }: TSESTree.CallExpression): boolean {
  if (options === undefined) return false
  if (options.type !== AST_NODE_TYPES.ObjectExpression) return true
  return options.properties.some(
    (property) =>
      property.type !== AST_NODE_TYPES.Property || ASTUtils.getPropertyName(property) === 'readOnly',
  )
}
