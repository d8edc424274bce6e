import { AST_NODE_TYPES } from '@typescript-eslint/utils'
import { functionAround } from '../syntax/function-node.ts'
import type { Edit } from './edits.ts'
import type { Inner } from './outer-transaction.ts'

/** `await trx.transaction(async (inner) => { … })` becomes `await (async (inner) => { … })(trx)`: right for every body. */
export function callOnOuter({ call, outer, callback }: Inner): Edit[] | undefined {
  const { parent } = call
  const { node, inner } = callback
  const isAwaited = parent.type === AST_NODE_TYPES.AwaitExpression
  const isReturned =
    parent.type === AST_NODE_TYPES.ReturnStatement ||
    (parent.type === AST_NODE_TYPES.ArrowFunctionExpression && parent.body === call)
  if (!isAwaited && !isReturned) return undefined
  // An async function makes what is thrown a rejection, and what is returned a promise.
  if (!node.async && !isAwaited && functionAround(call)?.async !== true) return undefined
  return [
    { range: [call.range[0], node.range[0]], text: '(' },
    { range: [node.range[1], call.range[1]], text: `)(${inner === undefined ? '' : outer.text})` },
  ]
}
