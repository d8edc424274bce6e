import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { loopAround } from '../effects/loop-around.ts'
import { mayWriteRows, rowWriteAt, variesTable } from '../effects/row-write.ts'
import { lintedFile } from '../linted-file.ts'

const breaks = 'Each round of this loop is a way to the writer and back.'

export default createRule<[], 'insert' | 'update' | 'delete'>({
  name: 'no-write-in-loop',
  meta: {
    type: 'suggestion',
    docs: {
      description: 'disallow one write for each round of a loop, where one statement could write all rows',
      recommended: 'off',
      strict: 'warn',
      rows: [],
    },
    schema: [],
    messages: {
      insert: `${breaks} Hand all rows to one \`insert\`, or to \`batchInsert\` with \`.transacting(trx)\`.`,
      update: `${breaks} Send one UPDATE: by \`whereIn\` where all rows get the same, else from \`unnest(…)\` or a VALUES list.`,
      delete: `${breaks} Send one DELETE: \`.whereIn('id', ids).delete()\`.`,
    },
  },
  create(context) {
    const file = lintedFile(context)
    return {
      CallExpression(node) {
        if (!mayWriteRows(file.syntax.calledName(node) ?? '')) return
        const loop = loopAround(file, node)
        if (loop === undefined) return
        const write = rowWriteAt(file, node)
        if (write === undefined || isPartOfAnother(write.query)) return
        // What changes or deletes until nothing is left works in batches.
        if (!loop.isOverCollection && write.kind !== 'insert') return
        if (variesTable(file, write, loop.node)) return
        context.report({ node: write.word, messageId: write.kind })
      },
    }
  },
})

/** A query handed to another one is sent with it. */
function isPartOfAnother({ parent, ...query }: TSESTree.CallExpression): boolean {
  if (parent.type !== AST_NODE_TYPES.CallExpression) return false
  if (parent.callee.range[0] === query.range[0]) return false
  const { callee } = parent
  const name = callee.type === AST_NODE_TYPES.MemberExpression ? callee.property : callee
  return !(name.type === AST_NODE_TYPES.Identifier && /^(?:push|all|allSettled|limit)$/u.test(name.name))
}
