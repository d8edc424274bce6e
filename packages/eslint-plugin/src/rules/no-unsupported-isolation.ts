import type { TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { lintedFile } from '../linted-file.ts'
import { standingOf, wordsAbout } from '../settings/standing.ts'
import { sqlListener } from '../sql/reading.ts'
import { isSerializableOfKnex, serializableIn } from '../statements/isolation.ts'

export default createRule<[], 'serializable' | 'readWrite'>({
  name: 'no-unsupported-isolation',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow SERIALIZABLE transactions, and READ WRITE where a reader does not take it',
      recommended: 'error',
      strict: 'error',
      rows: ['serializable', 'read-write'],
    },
    schema: [],
    messages: {
      serializable:
        '{{words}}: a write-forwarding reader refuses it ({{known}}). {{why}} Instead: {{instead}}',
      readWrite: '{{words}} is refused on this reader ({{known}}). Instead: {{instead}}',
    },
  },
  create(context) {
    const file = lintedFile(context)
    const { profile } = file.settings
    const isRefused = (row: 'serializable' | 'read-write') => standingOf(profile, row) === 'refused'
    const options = new Set<TSESTree.Node>()

    const reportOption = (node: TSESTree.Node): void => {
      // The same option may be seen by the call it is handed to and by its type.
      if (options.has(node)) return
      options.add(node)
      const data = { words: '`isolationLevel: "serializable"`', ...wordsAbout(profile, 'serializable') }
      context.report({ node, messageId: 'serializable', data })
    }
    const sql = sqlListener(
      file,
      (hits) => {
        for (const { rule, loc, words } of hits) {
          if ((rule !== 'serializable' && rule !== 'read-write') || !isRefused(rule)) continue
          const messageId = rule === 'serializable' ? 'serializable' : 'readWrite'
          context.report({ loc, messageId, data: { words, ...wordsAbout(profile, rule) } })
        }
      },
      (call) => {
        if (!isRefused('serializable') || file.isOnWriter(call.callee)) return
        for (const node of serializableIn(file, call)) reportOption(node)
      },
    )
    return {
      ...sql,
      Property(node) {
        if (isRefused('serializable') && isSerializableOfKnex(file, node)) reportOption(node.value)
      },
    }
  },
})
