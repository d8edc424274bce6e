import { supportTable } from '@knex-flatten/sql-support'
import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { createSqlSearch } from '../sql/sql-listener.ts'
import { createHandleAt } from '../syntax/handle-at.ts'
import {
  reportMissingTypes,
  typeInformationSchema,
  typesRequired,
  type TypeInformation,
} from '../type-information.ts'

type Options = [{ typeInformation?: TypeInformation }]

const breaks = 'A write-forwarding reader refuses savepoints.'

export default createRule<Options, 'method' | 'statement' | 'typesRequired'>({
  name: 'no-savepoint',
  meta: {
    type: 'problem',
    docs: { description: 'disallow savepoints, by method and in SQL', recommended: 'error' },
    schema: [
      {
        type: 'object',
        description: 'Whether types must be there.',
        additionalProperties: false,
        properties: { typeInformation: typeInformationSchema },
      },
    ],
    defaultOptions: [{ typeInformation: 'optional' }],
    messages: {
      method: `${breaks} {{instead}}`,
      statement: `{{words}}: ${breaks} {{instead}}`,
      typesRequired,
    },
  },
  create(context, [options]) {
    if (reportMissingTypes(context, options.typeInformation)) return {}
    const { instead } = supportTable.savepoint
    const handleAt = createHandleAt(context.sourceCode, context.filename)
    const searchSql = createSqlSearch(
      context.sourceCode,
      { rules: ['savepoint'], words: /\b(?:savepoint|release|rollback)\b/iu },
      ({ loc, words }) => context.report({ loc, messageId: 'statement', data: { words, instead } }),
    )

    const checkMethod = ({ callee, arguments: [first] }: TSESTree.CallExpression): void => {
      if (callee.type !== AST_NODE_TYPES.MemberExpression) return
      const { object, property } = callee
      if (ASTUtils.getPropertyName(callee) !== 'savepoint') return
      // Knex takes a function; a name is what Kysely and others take.
      if (first?.type === AST_NODE_TYPES.Literal || handleAt(object) !== 'transaction') return
      context.report({ node: property, messageId: 'method', data: { instead } })
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
