import type { Call } from '../calls/follow.ts'
import { createForeignSearch, type Foreign } from '../calls/foreign.ts'
import { createForeignPoolSearch, type ForeignPool } from '../calls/foreign-pool.ts'
import type { Step } from '../calls/kind.ts'
import type { PoolUse } from '../calls/pool-uses.ts'
import type { Use } from '../calls/queries.ts'
import { stepText } from '../calls/step-text.ts'
import { createRule } from '../create-rule.ts'
import { lintedFile, type LintedFile } from '../linted-file.ts'
import { onTransactionMessages, suggestTransaction } from '../suggestions/on-transaction.ts'

type MessageIds =
  'query' | 'model' | 'transaction' | 'connection' | 'through' | keyof typeof onTransactionMessages

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
      connection: `This takes another connection while a transaction is open on {{transaction}}. What runs on it is outside of the transaction, and where each connection of the pool holds one and waits for another, none is given back. Use {{transaction}}, or take it behind the transaction.`,
      through: `This calls {{chain}}, not {{transaction}}. ${breaks} Pass {{transaction}} on, or call it behind the transaction.`,
    },
  },
  create(context) {
    const file = lintedFile(context)
    const search = createForeignSearch(file)
    const searchPools = createForeignPoolSearch(file)

    const check = (call: Call): void => {
      const foreign = search(call) ?? searchPools(call)
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

function messageOf({ chain, use, root }: Foreign | ForeignPool): MessageIds {
  if (chain.length > 0) return 'through'
  if (use !== 'query') return use
  return root === undefined ? 'model' : 'query'
}

/** A transaction of its own, made on the open one, would be a savepoint: that is no way out. */
function suggestionsFor(
  file: LintedFile,
  call: Call,
  { chain, use, root, extent }: Foreign | ForeignPool,
): ReturnType<typeof suggestTransaction> {
  if (chain.length > 0 && root === undefined) return []
  const opens = use === 'transaction' || chain.some(({ how }) => how === 'transaction')
  return opens ? [] : suggestTransaction(file, { call, root, extent, isQuery: chain.length === 0 })
}

function nameOf({ extent: { variable } }: Foreign | ForeignPool): string {
  return variable === undefined ? 'the transaction that is open' : `\`${variable.name}\``
}

const words = {
  query: 'queries',
  transaction: 'opens a transaction on',
  connection: 'takes a connection of',
} as const satisfies Record<Use | PoolUse, string>

/** ``audit` (audit.ts:12), which calls `write` (log.ts:4), which queries `db``. */
function chainText(chain: readonly Step<Use | PoolUse>[]): string {
  return chain
    .map((step) => {
      const { how, on } = step
      const does = how === undefined ? '' : words[how]
      return `${stepText(step)}${on === undefined ? '' : `, which ${does} \`${on}\``}`
    })
    .join(', which calls ')
}
