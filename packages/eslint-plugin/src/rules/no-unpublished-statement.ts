import type { RuleId } from '@knex-flatten/sql-support'
import type { TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { lintedFile } from '../linted-file.ts'
import { standingOf, wordsAbout } from '../settings/standing.ts'
import { remainingRows } from '../sql/owners.ts'
import { sqlListener } from '../sql/reading.ts'
import { portalAt } from '../statements/portal.ts'
import { writingCteAt } from '../statements/writing-cte.ts'

export default createRule<[], 'unpublished'>({
  name: 'no-unpublished-statement',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow statements of which nobody has published whether they are forwarded',
      recommended: 'warn',
      strict: 'error',
      rows: ['portal-fetch', 'writing-cte', 'do-block'],
    },
    schema: [],
    messages: {
      unpublished:
        '{{words}}: nobody has published whether it works on a write-forwarding reader. {{why}} Instead: {{instead}}',
    },
  },
  create(context) {
    const file = lintedFile(context)
    const { profile } = file.settings

    const report = (rule: RuleId, words: string, loc: TSESTree.SourceLocation): void => {
      if (standingOf(profile, rule) !== 'unpublished') return
      const { why, instead } = wordsAbout(profile, rule)
      context.report({ loc, messageId: 'unpublished', data: { words, why, instead } })
    }
    const checkPortal = (node: TSESTree.CallExpression | TSESTree.NewExpression): void => {
      const portal = portalAt(file, node)
      if (portal !== undefined) report('portal-fetch', portal.words, portal.node.loc)
    }
    const sql = sqlListener(
      file,
      (hits) => {
        for (const { rule, words, loc } of hits) if (remainingRows.has(rule)) report(rule, words, loc)
      },
      (call) => {
        checkPortal(call)
        const cte = writingCteAt(file, call)
        if (cte !== undefined) report('writing-cte', '.with() of a query that writes', cte.loc)
      },
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
