import type { TSESTree } from '@typescript-eslint/utils'
import { effects } from '../calls/effects.ts'
import { calledWord, createFollow, type Call } from '../calls/follow.ts'
import type { Step } from '../calls/kind.ts'
import { stepText } from '../calls/step-text.ts'
import { createRule } from '../create-rule.ts'
import { extentsOf } from '../extent/extents.ts'
import { lintedFile } from '../linted-file.ts'

type Options = [{ functions?: string[]; allow?: string[] }]
type MessageIds = 'direct' | 'through'

interface Found {
  readonly how: string
  readonly chain: readonly Step<string>[]
  /** The call that does it, where that is in this file too. */
  readonly at: TSESTree.Node | undefined
}

const breaks =
  'while a transaction is open: a rollback or another attempt does not undo it, and the writer holds its locks meanwhile. Do it behind the commit: `afterCommit(trx, () => …)`.'

export default createRule<Options, MessageIds>({
  name: 'no-side-effect-in-transaction',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow mail, HTTP requests and messages to queues inside a transaction',
      recommended: 'warn',
      strict: 'error',
      rows: [],
    },
    schema: [
      {
        type: 'object',
        description: 'What else counts, and what does not.',
        additionalProperties: false,
        properties: {
          functions: {
            type: 'array',
            description:
              "One's own functions that count, by name or as they are called: `sendMail`, `this.mailer.send`.",
            uniqueItems: true,
            items: { type: 'string', description: 'A name.', minLength: 1 },
          },
          allow: {
            type: 'array',
            description:
              'Functions, as they are called, or packages that do not count: `axios.get`, `ioredis`.',
            uniqueItems: true,
            items: { type: 'string', description: 'A name.', minLength: 1 },
          },
        },
      },
    ],
    defaultOptions: [{ functions: [], allow: [] }],
    messages: {
      direct: `This {{what}} ${breaks}`,
      through: `This calls {{chain}}, which {{what}} ${breaks}`,
    },
  },
  create(context, [{ functions = [], allow = [] }]) {
    const file = lintedFile(context)
    const extents = extentsOf(file)
    if (extents.all.length === 0) return {}
    const isInside = (call: Call): boolean => {
      const [extent] = extents.at(call)
      return extent !== undefined && call !== extent.opening
    }
    const search = createFollow<string, Found>(
      file,
      effects({ functions, allow }),
      ({ graph, call, fromNode }) =>
        graph.targetsOf(call).map(({ how, chain, at }) => ({ how, chain, at: fromNode(at) })),
      isInside,
    )

    const check = (call: Call): void => {
      // What a function of this file does in the transaction is reported where it stands.
      const isReportedThere = (at: TSESTree.Node) => extents.at(at).includes(extents.at(call)[0]!)
      const found = search(call).find(
        ({ chain, at }) => chain.length === 0 || at === undefined || !isReportedThere(at),
      )
      if (found === undefined) return
      const { how, chain } = found
      context.report({
        node: calledWord(call) ?? call.callee,
        messageId: chain.length === 0 ? 'direct' : 'through',
        data: { what: how, chain: chainText(chain) },
      })
    }
    return { CallExpression: check, NewExpression: check }
  },
})

/** ``notify` (mail.ts:12), which calls `send` (smtp.ts:4)`. */
function chainText(chain: readonly Step<string>[]): string {
  return chain.map(stepText).join(', which calls ')
}
