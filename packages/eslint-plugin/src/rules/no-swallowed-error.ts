import { AST_NODE_TYPES, ASTUtils, type TSESTree } from '@typescript-eslint/utils'
import { createRule } from '../create-rule.ts'
import { isPromiseMethod } from '../effects/promise-method.ts'
import { isSettledThenTested } from '../effects/settled.ts'
import { handlerFunction, isKnownToSwallow, swallowedUse, type Handled } from '../effects/swallowed.ts'
import { isOpenAround, usesIn, type Use } from '../effects/uses.ts'
import { lintedFile } from '../linted-file.ts'

type MessageIds = 'caught' | 'settled'

const breaks =
  'has already aborted the transaction `{{on}}`: every statement behind it fails, COMMIT rolls back, and a write-forwarding reader has no savepoint to go back to.'

export default createRule<[], MessageIds>({
  name: 'no-swallowed-error',
  meta: {
    type: 'problem',
    docs: {
      description: 'disallow catching an error of the database inside a transaction and going on',
      recommended: 'error',
      strict: 'error',
      rows: ['savepoint'],
    },
    schema: [],
    messages: {
      caught: `An error of the database that is caught here ${breaks} Throw it on, or another in its place, and handle it outside of the transaction.`,
      settled: `An error of the database that \`allSettled\` keeps ${breaks} Await the queries one after another, and let an error end the transaction.`,
    },
  },
  create(context) {
    const file = lintedFile(context)

    const report = (node: TSESTree.Node | TSESTree.Token, use: Use, messageId: MessageIds): void => {
      context.report({ loc: node.loc, messageId, data: { on: context.sourceCode.getText(use.on) } })
    }
    const check = (node: TSESTree.Node | TSESTree.Token, handled: Handled): void => {
      const use = swallowedUse(file, handled)
      if (use !== undefined) report(node, use, 'caught')
    }

    /** `promise.catch(handler)`, `promise.then(next, handler)` */
    const checkPromise = (call: TSESTree.CallExpression, given: TSESTree.Node | undefined): void => {
      const { object, property } = call.callee as TSESTree.MemberExpression
      const fn = handlerFunction(file, given)
      if (fn !== undefined) {
        check(property, { tried: object, ...fn, at: call })
      } else if (isKnownToSwallow(given)) {
        const use = usesIn(file, object).find((each) => isOpenAround(file, each, object, call))
        if (use !== undefined) report(property, use, 'caught')
      }
    }

    return {
      TryStatement(node) {
        const { block, handler } = node
        if (handler === null) return
        const error = handler.param?.type === AST_NODE_TYPES.Identifier ? handler.param.name : undefined
        const word = context.sourceCode.getFirstToken(handler) ?? handler
        check(word, { tried: block, handler: handler.body, error, at: node })
      },
      CallExpression(node) {
        const { callee, arguments: given } = node
        if (callee.type !== AST_NODE_TYPES.MemberExpression) return
        const name = ASTUtils.getPropertyName(callee)
        if (name === 'catch') checkPromise(node, given[0])
        if (name === 'then' && given.length > 1) checkPromise(node, given[1])
        if (name !== 'allSettled' || !isPromiseMethod(node) || isSettledThenTested(file, node)) return
        const [use] = given.flatMap((each) => usesIn(file, each))
        if (use !== undefined && isOpenAround(file, use, node, node)) report(callee.property, use, 'settled')
      },
    }
  },
})
