import type { RuleId } from '@knex-flatten/sql-support'
import type { TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { lintedFile } from '../linted-file.ts'
import { standingOf, wordsAbout } from '../settings/standing.ts'
import { sqlListener } from '../sql/reading.ts'
import { portalAt } from '../statements/portal.ts'

type Options = [{ streams?: 'report' | 'ignore' }]

export default createRule<Options, 'cursor' | 'stream'>({
  name: 'no-cursor',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow cursors, and results that are fetched in parts as a cursor does',
      recommended: 'error',
      strict: 'error',
      rows: ['cursor', 'portal-fetch'],
      presetOptions: [{ streams: 'ignore' }],
    },
    schema: [
      {
        type: 'object',
        description: 'What to make of streams.',
        additionalProperties: false,
        properties: {
          streams: {
            type: 'string',
            description:
              'What to do with `.stream()`, `.pipe()`, pg-cursor and pg-query-stream while nobody has published what becomes of them: report them, or leave them to `no-unpublished-statement`.',
            enum: ['report', 'ignore'],
          },
        },
      },
    ],
    defaultOptions: [{ streams: 'report' }],
    messages: {
      cursor: '{{words}}: a write-forwarding reader refuses cursors ({{known}}). Instead: {{instead}}',
      stream:
        '{{words}} fetches a result in parts, as a cursor does ({{known}}). {{why}} Instead: {{instead}}',
    },
  },
  create(context, [{ streams }]) {
    const file = lintedFile(context)
    const { profile } = file.settings
    const isReported = (row: RuleId) => {
      const standing = standingOf(profile, row)
      return standing === 'refused' || (standing === 'unpublished' && streams !== 'ignore')
    }
    const [reportsCursors, reportsStreams] = [isReported('cursor'), isReported('portal-fetch')]

    const checkPortal = (node: TSESTree.CallExpression | TSESTree.NewExpression): void => {
      const portal = reportsStreams ? portalAt(file, node) : undefined
      if (portal === undefined) return
      const data = { words: portal.words, ...wordsAbout(profile, 'portal-fetch') }
      context.report({ node: portal.node, messageId: 'stream', data })
    }
    const sql = sqlListener(
      file,
      (hits) => {
        for (const { rule, words, loc } of hits) {
          if (rule !== 'cursor' || !reportsCursors) continue
          const data = { words, ...wordsAbout(profile, 'cursor') }
          context.report({ loc, messageId: 'cursor', data })
        }
      },
      checkPortal,
    )
    return {
      ...sql,
      NewExpression(node) {
        sql.NewExpression?.(node)
        checkPortal(node)
      },
    }
  },
})
