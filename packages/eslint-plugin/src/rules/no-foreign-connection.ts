import type { Call } from '../calls/follow.ts'
import { createForeignSearch, type Foreign } from '../calls/foreign.ts'
import type { Step } from '../calls/kind.ts'
import type { Use } from '../calls/queries.ts'
import { createRule } from '../create-rule.ts'
import { lintedFile, type LintedFile } from '../linted-file.ts'
import { onTransactionMessages, suggestTransaction } from '../suggestions/on-transaction.ts'

type MessageIds = 'query' | 'model' | 'transaction' | 'through' | keyof typeof onTransactionMessages

const breaks =
  'It runs on another connection: outside of the transaction, blind to what that has written, and not undone with it.'

export default createRule<[], MessageIds>({
  name: 'no-foreign-connection',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow queries on another connection while a transaction is open',
      recommended: 'error',
      strict: 'error',
      rows: [],
    },
    hasSuggestions: true,
    schema: [],
    messages: {
      ...onTransactionMessages,
      query: `This query is not made on {{transaction}}. ${breaks} Make it on {{transaction}}, or behind it.`,
      model: `This query is not given {{transaction}}. ${breaks} Pass {{transaction}} to it, or make it behind the transaction.`,
      transaction: `This opens a second transaction while {{transaction}} is open. ${breaks} Use {{transaction}}, or open it behind.`,
      through: `This calls {{chain}}, not {{transaction}}. ${breaks} Pass {{transaction}} on, or call it behind the transaction.`,
    },
  },
  create(context) {
    const file = lintedFile(context)
    const search = createForeignSearch(file)

    const check = (call: Call): void => {
      const foreign = search(call)
      if (foreign === undefined || file.isOnWriter(foreign.root?.node ?? call)) return
      context.report({
        node: foreign.node,
        messageId: messageOf(foreign),
        data: { chain: chainText(foreign.chain), transaction: nameOf(foreign) },
        suggest: suggestionsFor(file, call, foreign),
      })
    }
    return { CallExpression: check, NewExpression: check }
  },
})

function messageOf({ chain, use, root }: Foreign): MessageIds {
  if (chain.length > 0) return 'through'
  if (use === 'transaction') return 'transaction'
  return root === undefined ? 'model' : 'query'
}

/** A transaction of its own, made on the open one, would be a savepoint: that is no way out. */
function suggestionsFor(
  file: LintedFile,
  call: Call,
  { chain, use, root, extent }: Foreign,
): ReturnType<typeof suggestTransaction> {
  if (chain.length > 0 && root === undefined) return []
  const opens = use === 'transaction' || chain.some(({ how }) => how === 'transaction')
  return opens ? [] : suggestTransaction(file, { call, root, extent, isQuery: chain.length === 0 })
}

function nameOf({ extent: { variable } }: Foreign): string {
  return variable === undefined ? 'the transaction that is open' : `\`${variable.name}\``
}

/** ``audit` (audit.ts:12), which calls `write` (log.ts:4), which queries `db``. */
function chainText(chain: readonly Step<Use>[]): string {
  return chain
    .map(({ name, file, line, how, on }) => {
      const does = how === 'transaction' ? 'opens a transaction on' : 'queries'
      return `\`${name}\` (${file}:${line})${on === undefined ? '' : `, which ${does} \`${on}\``}`
    })
    .join(', which calls ')
}
