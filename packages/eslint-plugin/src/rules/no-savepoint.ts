import { AST_NODE_TYPES } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { lintedFile } from '../linted-file.ts'
import { standingOf, wordsAbout } from '../settings/standing.ts'
import { sqlListener } from '../sql/reading.ts'
import { isCallOf } from '../knex/builder-call.ts'
import { suggestOuter, outerMessages } from '../suggestions/without-inner.ts'

const breaks = 'A write-forwarding reader refuses savepoints ({{known}}).'
const methods = new Set(['savepoint'])

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
    const file = lintedFile(context)
    const { profile } = file.settings
    if (standingOf(profile, 'savepoint') !== 'refused') return {}
    const { known, instead } = wordsAbout(profile, 'savepoint')

    return sqlListener(
      file,
      (hits) => {
        for (const { rule, loc, words } of hits) {
          if (rule === 'savepoint')
            context.report({ loc, messageId: 'statement', data: { words, known, instead } })
        }
      },
      (call) => {
        if (!isCallOf(methods, call)) return
        const [first] = call.arguments
        const { object, property } = call.callee
        // Knex takes a function; a name is what Kysely and others take.
        if (first?.type === AST_NODE_TYPES.Literal || file.handleAt(object) !== 'transaction') return
        if (file.isOnWriter(object)) return
        context.report({
          node: property,
          messageId: 'method',
          data: { known, instead },
          suggest: suggestOuter(file, call, object),
        })
      },
    )
  },
})
