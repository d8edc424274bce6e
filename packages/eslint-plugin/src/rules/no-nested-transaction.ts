import { supportTable } from '@knex-flatten/sql-support'
import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'
import { createInspect, type Call, type Nesting } from '../calls/inspect.ts'
import type { Step } from '../calls/targets.ts'
import { createRule } from '../create-rule.ts'
import type { OpeningMethod } from '../knex/openings.ts'
import {
  reportMissingTypes,
  typeInformationSchema,
  typesRequired,
  type TypeInformation,
} from '../type-information.ts'

type Options = [
  {
    typeInformation?: TypeInformation
    transactionFunctions?: (string | { name: string; argument: number })[]
  },
]
type MessageIds =
  'nested' | 'through' | 'batchInsert' | 'provider' | 'migrate' | 'runInTransaction' | 'typesRequired'

const breaks = 'Knex sends SAVEPOINT for it, which a write-forwarding reader refuses.'

export default createRule<Options, MessageIds>({
  name: 'no-nested-transaction',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow opening a transaction on a transaction, which Knex does with a savepoint',
      recommended: 'error',
    },
    hasSuggestions: true,
    schema: [
      {
        type: 'object',
        description: 'What else opens transactions, and whether types must be there.',
        additionalProperties: false,
        properties: {
          typeInformation: typeInformationSchema,
          transactionFunctions: {
            type: 'array',
            description:
              'Functions without a body in sight that open a transaction on an argument: the first, or the one numbered here from 0.',
            uniqueItems: true,
            items: {
              oneOf: [
                { type: 'string', description: 'The name; it opens on its first argument.', minLength: 1 },
                {
                  type: 'object',
                  description: 'The name and the argument it opens on.',
                  additionalProperties: false,
                  required: ['name', 'argument'],
                  properties: {
                    name: { type: 'string', description: "The function's or method's name.", minLength: 1 },
                    argument: { type: 'integer', description: 'Counted from 0.', minimum: 0 },
                  },
                },
              ],
            },
          },
        },
      },
    ],
    defaultOptions: [{ typeInformation: 'optional', transactionFunctions: [] }],
    messages: {
      nested: `This opens a transaction on one that is already open: ${breaks} {{instead}}`,
      through: `This hands a live transaction to {{chain}}: ${breaks} {{instead}}`,
      batchInsert: `\`batchInsert\` opens a transaction of its own on the live one: ${breaks} Run it in the transaction with \`.transacting(…)\`.`,
      provider: `This provider opens a transaction on one that is already open: ${breaks} {{instead}}`,
      migrate: `Migrations run in transactions of their own, opened on the live one: ${breaks} Migrate outside of it, on the writer.`,
      runInTransaction: 'Run the batch in the transaction itself: `.transacting({{on}})`.',
      typesRequired,
    },
  },
  create(context, [options]) {
    if (reportMissingTypes(context, options.typeInformation)) return {}

    const wrappers = (options.transactionFunctions ?? []).map((entry): [string, number] =>
      typeof entry === 'string' ? [entry, 0] : [entry.name, entry.argument],
    )
    const inspect = createInspect(context.sourceCode, context.filename, new Map(wrappers))

    const check = (call: Call): void => {
      for (const nesting of inspect(call)) {
        context.report({
          node: nesting.node,
          messageId: messageOf(nesting),
          data: { chain: chainText(nesting.chain), instead: supportTable.savepoint.instead },
          suggest: suggestionsFor(context, call, nesting),
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
function chainText(chain: readonly Step[]): string {
  return chain
    .map(({ name, file, line, on }) => {
      const opens = on === undefined ? '' : `, which opens a transaction on \`${on}\``
      return `\`${name}\` (${file}:${line})${opens}`
    })
    .join(', which passes it to ')
}

/** Only where the very same rows are inserted in the very same transaction: `trx.batchInsert(…)`. */
function suggestionsFor(
  context: Readonly<TSESLint.RuleContext<MessageIds, Options>>,
  call: Call,
  { how, chain }: Nesting,
): TSESLint.ReportSuggestionArray<MessageIds> {
  const { callee } = call
  if (how !== 'batchInsert' || chain.length > 0 || callee.type !== AST_NODE_TYPES.MemberExpression) return []
  const on: TSESTree.Node = callee.object
  if (on.type !== AST_NODE_TYPES.Identifier && on.type !== AST_NODE_TYPES.MemberExpression) return []
  const text = context.sourceCode.getText(on)
  return [
    {
      messageId: 'runInTransaction',
      data: { on: text },
      fix: (fixer) => fixer.insertTextAfter(call, `.transacting(${text})`),
    },
  ]
}
