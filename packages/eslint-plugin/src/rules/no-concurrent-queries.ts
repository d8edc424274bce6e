import { AST_NODE_TYPES, ASTUtils } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { concurrentUse } from '../effects/concurrent.ts'
import { isPromiseMethod } from '../effects/promise-method.ts'
import { lintedFile } from '../linted-file.ts'

const methods = new Set(['all', 'allSettled', 'race', 'any'])

export default createRule<[], 'concurrent'>({
  name: 'no-concurrent-queries',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow several queries at a time on one transaction',
      recommended: 'warn',
      strict: 'error',
      rows: [],
    },
    schema: [],
    messages: {
      concurrent:
        'A transaction has one connection: these queries on `{{on}}` run one after another all the same, each on its own way to the writer. Where one fails, the others go on in an aborted transaction, or behind its end. Await them in order, or send one statement.',
    },
  },
  create(context) {
    const file = lintedFile(context)
    return {
      CallExpression(node) {
        const { callee } = node
        if (callee.type !== AST_NODE_TYPES.MemberExpression) return
        if (!methods.has(ASTUtils.getPropertyName(callee) ?? '') || !isPromiseMethod(node)) return
        const use = concurrentUse(file, node)
        if (use === undefined) return
        const on = context.sourceCode.getText(use.on)
        context.report({ node: callee.property, messageId: 'concurrent', data: { on } })
      },
    }
  },
})
