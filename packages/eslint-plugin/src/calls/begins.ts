import { endingName } from '../extent/ends.ts'
import { controlsOf } from '../pg/transaction-control.ts'
import { functionAround } from '../syntax/function-around.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { receiverOf } from './arguments.ts'
import { testsAbove } from './conditions.ts'
import type { Kind } from './kind.ts'

/** Words of a condition that asks whether a transaction is open already, in somebody's own way. */
const guardWords =
  /trans|trx|(?<![a-z])tx|Tx|nest|beg[iu]n|savepoint|depth|level|outer|(?<![a-z])(?:isO|o)wn/u

/** Sending BEGIN on what is passed: a client of pg. */
export const begins: Kind<'begin'> = {
  key: 'begins',
  seeds: () => ['query'],
  isFixedToo: false,
  mayBe: (_, __, name) => name === 'query',
  deedsOf(syntax, call) {
    const on = receiverOf(syntax, call)
    if (on === undefined || controlsOf(syntax, call)[0] !== 'begin') return []
    const isGuarded = testsAbove(syntax, call).some((test) => guardWords.test(syntax.textOf(test)))
    return isGuarded || isBehindEnd(syntax, call, on) ? [] : [{ how: 'begin', on }]
  },
  accepts: () => true,
  isReportedAt: () => false,
}

/** Whether the function has ended a transaction before: then it begins no second one. */
function isBehindEnd<N>(syntax: Syntax<N>, call: N, on: N): boolean {
  const fn = functionAround(syntax, call)
  if (fn === undefined) return false
  const text = syntax.textOf(on)
  for (const node of nodesIn(syntax, fn)) {
    if (node === call) return false
    const name = syntax.calledName(node) ?? ''
    if (name === 'query' && controlsOf(syntax, node).includes('end')) return true
    const view = endingName.test(name) ? syntax.view(node) : undefined
    if (view?.kind === 'call' && view.arguments.some((given) => syntax.textOf(given) === text)) return true
  }
  return false
}
