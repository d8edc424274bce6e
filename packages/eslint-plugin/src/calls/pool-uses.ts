import type { Syntax } from '../syntax/syntax.ts'
import { receiverOf } from './arguments.ts'
import type { Kind } from './kind.ts'

/** How a call uses a pool of pg: with a statement, or by taking a client of it. */
export type PoolUse = 'query' | 'connection'

const words: ReadonlyMap<string, PoolUse> = new Map([
  ['query', 'query'],
  ['connect', 'connection'],
])

/** Using a pool of pg, each time on whichever client it has free. */
export const poolUses: Kind<PoolUse> = {
  key: 'pool uses',
  seeds: () => words.keys(),
  isFixedToo: true,
  mayBe: (_, __, name) => words.has(name),
  deedsOf(syntax, call) {
    const how = words.get(syntax.calledName(call) ?? '')
    const on = receiverOf(syntax, call)
    return how === undefined || on === undefined || !isPlain(syntax, on) ? [] : [{ how, on }]
  },
  accepts: () => true,
  isReportedAt: () => false,
}

/** `pool`, `this.pool`, `getPool()`: what a chain of calls answers with is none that anybody passes, and its type is dear. */
function isPlain<N>(syntax: Syntax<N>, node: N): boolean {
  const view = syntax.view(node)
  if (view.kind === 'call') return syntax.view(view.callee).kind === 'name'
  return view.kind === 'name' || view.kind === 'member' || view.kind === 'wrapped'
}
