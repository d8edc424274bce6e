import { keepsForLater } from '../syntax/function-takers.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import type { Syntax } from '../syntax/syntax.ts'

/** Every node that runs when `fn` does: not what stands in functions that are kept, returned or named. */
export function nodesRunBy<N>(syntax: Syntax<N>, fn: N): Iterable<N> {
  return nodesIn(syntax, fn, (child) =>
    syntax.isFunction(child) ? isRunOnTheSpot(syntax, child) : !syntax.isClass(child),
  )
}

/** Whether a call keeps the functions that it is handed for a time of which the code around it says nothing. */
export function isKeptForLater<N>(syntax: Syntax<N>, call: N): boolean {
  const name = syntax.calledName(call) ?? ''
  if (keepsForLater.test(name)) return true
  if (name !== 'then' && name !== 'finally') return false
  const view = syntax.view(call)
  const callee = view.kind === 'call' ? syntax.view(view.callee) : undefined
  const promise = callee?.kind === 'member' ? syntax.view(callee.object) : undefined
  return promise?.kind === 'member' && promise.property === 'executionPromise'
}

/** `rows.map(fn)`, `retry(fn)`, `new Promise(fn)`, `(async () => …)()` */
function isRunOnTheSpot<N>(syntax: Syntax<N>, fn: N): boolean {
  let node = fn
  let above = syntax.parent(node)
  while (above !== undefined && syntax.view(above).kind === 'wrapped') {
    node = above
    above = syntax.parent(node)
  }
  if (above === undefined) return false
  const view = syntax.view(above)
  if (view.kind !== 'call' && view.kind !== 'new') return false
  return view.callee === node || (view.arguments.includes(node) && !isKeptForLater(syntax, above))
}
