import { supportTable } from '@knex-flatten/sql-support'
import type { TSESLint } from '@typescript-eslint/utils'
import type { Call } from '../calls/follow.ts'
import type { Step } from '../calls/kind.ts'
import { createInspect, type Nesting } from '../calls/nestings.ts'
import { createSecondBeginSearch } from '../calls/second-begins.ts'
import { stepText } from '../calls/step-text.ts'
import { createRule } from '../create-rule.ts'
import type { OpeningMethod } from '../knex/openings.ts'
import { lintedFile, type LintedFile } from '../linted-file.ts'
import { isOutlived } from '../suggestions/outlived.ts'
import {
  outerMessages,
  suggestOuter,
  suggestTransacting,
  transactingMessages,
} from '../suggestions/without-inner.ts'

type MessageIds =
  | 'nested'
  | 'caught'
  | 'through'
  | 'batchInsert'
  | 'provider'
  | 'migrate'
  | 'begin'
  | 'beginThrough'
  | keyof typeof outerMessages
  | keyof typeof transactingMessages

const breaks = 'Knex sends SAVEPOINT for it, which a write-forwarding reader refuses.'

const stays =
  'PostgreSQL opens no second one: it warns, and the first COMMIT or ROLLBACK ends everything, with what is sent behind it outside of any transaction.'

export default createRule<[], MessageIds>({
  name: 'no-nested-transaction',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow opening a transaction on a transaction, which Knex does with a savepoint',
      recommended: 'error',
      strict: 'error',
      rows: ['savepoint'],
    },
    hasSuggestions: true,
    schema: [],
    messages: {
      nested: `This opens a transaction on one that is already open: ${breaks} {{instead}}`,
      caught: `This opens a transaction on one that is already open, and its error is caught: ${breaks} Without the savepoint that error aborts the transaction around it, and all of its rows are lost. Decide: let the error through, write what does not fail (\`tryInsert\`, \`getOrCreate\` of knex-flatten), or do it behind the transaction.`,
      through: `This hands a live transaction to {{chain}}: ${breaks} {{instead}}`,
      batchInsert: `\`batchInsert\` opens a transaction of its own on the live one: ${breaks} Run it in the transaction with \`.transacting(…)\`.`,
      provider: `This provider opens a transaction on one that is already open: ${breaks} {{instead}}`,
      migrate: `Migrations run in transactions of their own, opened on the live one: ${breaks} Migrate outside of it, on the writer.`,
      begin: `This sends BEGIN on \`{{client}}\`, where a transaction is open already. ${stays} Leave it out, with the COMMIT and ROLLBACK that belong to it.`,
      beginThrough: `This hands \`{{client}}\`, on which a transaction is open, to {{chain}}, which sends BEGIN on it. ${stays} Send BEGIN, COMMIT and ROLLBACK only where the transaction begins, or nest by transactions of a flattened Knex.`,
      ...outerMessages,
      ...transactingMessages,
    },
  },
  create(context) {
    const file = lintedFile(context)
    const inspect = createInspect(file)
    const searchSecondBegins = createSecondBeginSearch(file)

    const check = (call: Call): void => {
      for (const nesting of inspect(call)) {
        if (file.isOnWriter(nesting.on)) continue
        context.report({
          node: nesting.node,
          messageId: messageOf(file, call, nesting),
          data: { chain: chainText(nesting.chain), instead: supportTable.savepoint.instead },
          suggest: suggestionsFor(file, call, nesting),
        })
      }
      for (const { node, client, chain } of searchSecondBegins(call)) {
        if (file.isOnWriter(node)) continue
        const messageId = chain.length > 0 ? 'beginThrough' : 'begin'
        context.report({ node, messageId, data: { client, chain: wayText(chain) } })
      }
    }
    return { CallExpression: check, NewExpression: check }
  },
})

const messageByMethod: Readonly<Record<OpeningMethod, MessageIds>> = {
  transaction: 'nested',
  startTransaction: 'nested',
  wrapper: 'nested',
  transactionProvider: 'provider',
  batchInsert: 'batchInsert',
  migrate: 'migrate',
}

function messageOf(file: LintedFile, call: Call, { how, chain, on }: Nesting): MessageIds {
  if (chain.length > 0) return 'through'
  const isOneMore = how === 'transaction' || how === 'startTransaction' || how === 'batchInsert'
  return isOneMore && isOutlived(file, call, on) ? 'caught' : messageByMethod[how]
}

/** `saveOrder (orders.ts:12), which calls insertLines (lines.ts:41), which opens a transaction on db`. */
function chainText(chain: readonly Step<OpeningMethod>[]): string {
  const on = chain.at(-1)?.on
  return on === undefined ? wayText(chain) : `${wayText(chain)}, which opens a transaction on \`${on}\``
}

/** `saveOrder (orders.ts:12), which passes it to insertLines (lines.ts:41)`. */
function wayText(chain: readonly Step<unknown>[]): string {
  return chain.map(stepText).join(', which passes it to ')
}

function suggestionsFor(
  file: LintedFile,
  call: Call,
  { how, chain, on }: Nesting,
): TSESLint.ReportSuggestionArray<MessageIds> {
  if (chain.length > 0) return []
  if (how === 'transaction' || how === 'startTransaction') return suggestOuter(file, call, on)
  return how === 'batchInsert' ? suggestTransacting(file, call, on) : []
}
