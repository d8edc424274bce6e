import { createRule } from '../create-rule.ts'
import { lintedFile } from '../linted-file.ts'
import { standingOf, wordsAbout } from '../settings/standing.ts'
import { sqlListener } from '../sql/reading.ts'

export default createRule<[], 'excludesNobody' | 'refused'>({
  name: 'no-advisory-lock',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow advisory locks, which exclude nobody on the writer',
      recommended: 'warn',
      strict: 'error',
      rows: ['advisory-lock'],
    },
    schema: [],
    messages: {
      excludesNobody:
        '{{words}} locks on the server that runs it. AWS does not say that it is forwarded; run on the reader, as on any hot standby, it excludes nobody on the writer or on another reader. {{instead}}',
      refused: '{{words}} fails on a write-forwarding reader ({{known}}). {{instead}}',
    },
  },
  create(context) {
    const file = lintedFile(context)
    const { profile } = file.settings
    const { verdict } = profile.verdicts['advisory-lock']
    const standing = standingOf(profile, 'advisory-lock')
    // A lock that is known to stay on the reader works, and is just as useless.
    if (standing === 'works' && verdict !== 'local') return {}

    return sqlListener(file, (hits) => {
      for (const { rule, loc, words } of hits) {
        if (rule !== 'advisory-lock') continue
        const messageId = standing === 'refused' ? 'refused' : 'excludesNobody'
        context.report({ loc, messageId, data: { words, ...wordsAbout(profile, rule) } })
      }
    })
  },
})
