import type { RuleId } from '@knex-flatten/sql-support'
import type { TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { lintedFile } from '../linted-file.ts'
import { standingOf, wordsAbout } from '../settings/standing.ts'
import { remainingRows } from '../sql/owners.ts'
import { sqlListener } from '../sql/reading.ts'
import { methodStatementAt } from '../statements/definitions.ts'

type Options = [{ functions?: string[] }]

export default createRule<Options, 'refused' | 'userFunction'>({
  name: 'no-unsupported-statement',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow statements that a write-forwarding reader refuses',
      recommended: 'error',
      strict: 'error',
      rows: [
        'ddl',
        'truncate',
        'lock-table',
        'set-constraints',
        'user-function',
        'plpgsql-exception',
        'select-into',
        'maintenance',
        'reindex',
        'copy',
        'listen-notify',
        'sequence',
        'two-phase',
        'temp-table',
        'large-object',
        'writer-function',
      ],
    },
    schema: [
      {
        type: 'object',
        description: 'Which functions are allowed.',
        additionalProperties: false,
        properties: {
          functions: {
            type: 'array',
            description:
              'Functions that neither PostgreSQL nor Aurora brings along and that are known to work: their names, without a schema; `st_*` stands for all that begin so.',
            uniqueItems: true,
            items: { type: 'string', description: "A function's name.", pattern: '^[^*]+\\*?$' },
          },
        },
      },
    ],
    defaultOptions: [{ functions: [] }],
    messages: {
      refused: '{{words}} fails on a write-forwarding reader ({{known}}): {{why}} Instead: {{instead}}',
      userFunction:
        'Neither PostgreSQL nor Aurora brings {{words}} along, and AWS lists user-defined functions as unsupported with write forwarding (that those of extensions count as such is assumed). {{instead}} What is known to work may be named in the option `functions`.',
    },
  },
  create(context, [{ functions = [] }]) {
    const file = lintedFile(context)
    const { profile } = file.settings
    const allowed = functions.map((name) => name.toLowerCase())
    const isAllowed = (name: string) =>
      allowed.some((entry) => (entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry))

    const report = (rule: RuleId, words: string, loc: TSESTree.SourceLocation): void => {
      if (!remainingRows.has(rule) || standingOf(profile, rule) !== 'refused') return
      const messageId = rule === 'user-function' ? 'userFunction' : 'refused'
      context.report({ loc, messageId, data: { words, ...wordsAbout(profile, rule) } })
    }

    return sqlListener(
      file,
      (hits) => {
        // Calls of functions nest, and one statement is one thing to change: the first stands for all.
        const calls = hits.filter(({ rule, words }) => rule === 'user-function' && !isAllowed(nameIn(words)))
        const names = list.format(new Set(calls.map(({ words }) => words)))
        for (const hit of hits) {
          if (hit.rule !== 'user-function') report(hit.rule, hit.words, hit.loc)
          else if (hit === calls[0]) report(hit.rule, names, hit.loc)
        }
      },
      (call) => {
        const found = methodStatementAt(file, call)
        if (found !== undefined) report(found.rule, found.words, found.node.loc)
      },
    )
  },
})

const list = new Intl.ListFormat('en')

/** `ext."Some_fn"()` names `some_fn`. */
function nameIn(words: string): string {
  const [name = ''] = words.split('(')
  return name
    .slice(name.lastIndexOf('.') + 1)
    .replaceAll('"', '')
    .trim()
    .toLowerCase()
}
