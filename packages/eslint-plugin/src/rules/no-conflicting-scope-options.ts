import type { Call } from '../calls/follow.ts'
import type { Step } from '../calls/kind.ts'
import { createConflictSearch } from '../calls/scope-options.ts'
import { stepText } from '../calls/step-text.ts'
import { createRule } from '../create-rule.ts'
import type { RootOption } from '../knex/scope-options.ts'
import { lintedFile } from '../linted-file.ts'

const ignored = 'Knex ignores the option without a word, and `flatten()` refuses the transaction.'

export default createRule<[], RootOption>({
  name: 'no-conflicting-scope-options',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow options on a nested transaction that only its root can have',
      recommended: 'error',
      strict: 'error',
      rows: ['savepoint'],
    },
    schema: [],
    messages: {
      durable: `{{where}}\`{{words}}\`: the transaction around it can still roll it back. ${ignored} Open it on the instance, outside of any transaction, or drop the option.`,
      retry: `{{where}}\`{{words}}\`: only a root can be run again. ${ignored} Give it to the outermost transaction.`,
      isolationLevel: `{{where}}\`{{words}}\`: the transaction around it has begun with its own level. ${ignored} Give it to the outermost transaction.`,
      readOnly: `{{where}}\`{{words}}\`: whether it may write is settled by the transaction around it. ${ignored} Drop the option, or open the outermost transaction without \`readOnly: true\`.`,
    },
  },
  create(context) {
    const file = lintedFile(context)
    const search = createConflictSearch(file)

    const check = (call: Call): void => {
      for (const { node, on, option, words, chain } of search(call)) {
        if (file.isOnWriter(on)) continue
        context.report({ node, messageId: option, data: { words, where: whereText(chain) } })
      }
    }
    return { CallExpression: check, NewExpression: check }
  },
})

/** `save (orders.ts:4) opens a nested transaction with ` */
function whereText(chain: readonly Step<string>[]): string {
  if (chain.length === 0) return ''
  return `Handed to ${chain.map(stepText).join(', which hands it to ')}, which opens a nested transaction with `
}
