import { supportTable } from '@knex-flatten/sql-support'
import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { lintedFile } from '../linted-file.ts'
import { createSqlSearch } from '../sql/sql-listener.ts'
import { suggestOuter, outerMessages } from '../suggestions/without-inner.ts'

const breaks = 'A write-forwarding reader refuses savepoints.'

export default createRule<[], 'method' | 'statement' | keyof typeof outerMessages>({
  name: 'no-savepoint',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow savepoints, by method and in SQL',
      recommended: 'error',
      strict: 'error',
      rows: ['savepoint'],
    },
    hasSuggestions: true,
    schema: [],
    messages: {
      method: `${breaks} {{instead}}`,
      statement: `{{words}}: ${breaks} {{instead}}`,
      ...outerMessages,
    },
  },
  create(context) {
    const { instead } = supportTable.savepoint
    const file = lintedFile(context)
    const searchSql = createSqlSearch(
      file,
      { rules: ['savepoint'], words: /\b(?:savepoint|release|rollback)\b/iu },
      ({ loc, words }) => context.report({ loc, messageId: 'statement', data: { words, instead } }),
    )

    const checkMethod = (call: TSESTree.CallExpression): void => {
      const {
        callee,
        arguments: [first],
      } = call
      if (callee.type !== AST_NODE_TYPES.MemberExpression) return
      const { object, property } = callee
      if (ASTUtils.getPropertyName(callee) !== 'savepoint') return
      // Knex takes a function; a name is what Kysely and others take.
      if (first?.type === AST_NODE_TYPES.Literal || file.handleAt(object) !== 'transaction') return
      if (file.isOnWriter(object)) return
      context.report({
        node: property,
        messageId: 'method',
        data: { instead },
        suggest: suggestOuter(file, call, object),
      })
    }

    return {
      CallExpression(node) {
        checkMethod(node)
        searchSql(node)
      },
      TaggedTemplateExpression: searchSql,
    }
  },
})
