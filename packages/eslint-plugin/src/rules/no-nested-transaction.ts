import { supportTable } from '@knex-flatten/sql-support'
import type { TSESLint } from '@typescript-eslint/utils'
import type { Call } from '../calls/follow.ts'
import type { Step } from '../calls/kind.ts'
import { createInspect, type Nesting } from '../calls/nestings.ts'
import { createRule } from '../create-rule.ts'
import type { OpeningMethod } from '../knex/openings.ts'
import { lintedFile, type LintedFile } from '../linted-file.ts'
import {
  outerMessages,
  suggestOuter,
  suggestTransacting,
  transactingMessages,
} from '../suggestions/without-inner.ts'

type MessageIds =
  | 'nested'
  | 'through'
  | 'batchInsert'
  | 'provider'
  | 'migrate'
  | keyof typeof outerMessages
  | keyof typeof transactingMessages

const breaks = 'Knex sends SAVEPOINT for it, which a write-forwarding reader refuses.'

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
      through: `This hands a live transaction to {{chain}}: ${breaks} {{instead}}`,
      batchInsert: `\`batchInsert\` opens a transaction of its own on the live one: ${breaks} Run it in the transaction with \`.transacting(…)\`.`,
      provider: `This provider opens a transaction on one that is already open: ${breaks} {{instead}}`,
      migrate: `Migrations run in transactions of their own, opened on the live one: ${breaks} Migrate outside of it, on the writer.`,
      ...outerMessages,
      ...transactingMessages,
    },
  },
  create(context) {
    const file = lintedFile(context)
    const inspect = createInspect(file)

    const check = (call: Call): void => {
      for (const nesting of inspect(call)) {
        if (file.isOnWriter(nesting.on)) continue
        context.report({
          node: nesting.node,
          messageId: messageOf(nesting),
          data: { chain: chainText(nesting.chain), instead: supportTable.savepoint.instead },
          suggest: suggestionsFor(file, call, nesting),
        })
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

function messageOf({ how, chain }: Nesting): MessageIds {
  return chain.length > 0 ? 'through' : messageByMethod[how]
}

/** `saveOrder (orders.ts:12), which calls insertLines (lines.ts:41), which opens a transaction on db`. */
function chainText(chain: readonly Step<OpeningMethod>[]): string {
  return chain
    .map(({ name, file, line, on }) => {
      const opens = on === undefined ? '' : `, which opens a transaction on \`${on}\``
      return `\`${name}\` (${file}:${line})${opens}`
    })
    .join(', which passes it to ')
}

function suggestionsFor(
  file: LintedFile,
  call: Call,
  { how, chain, on }: Nesting,
): TSESLint.ReportSuggestionArray<MessageIds> {
  if (chain.length > 0) return []
  if (how === 'transaction') return suggestOuter(file, call, on)
  return how === 'batchInsert' ? suggestTransacting(file, call, on) : []
}
