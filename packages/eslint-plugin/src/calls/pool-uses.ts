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
    return how === undefined || on === undefined || !mayBePool(syntax, on) ? [] : [{ how, on }]
  },
  accepts: () => true,
  isReportedAt: () => false,
}

/** What is called on an answer, `db('t').query()`, is none that anybody passes. */
function mayBePool<N>(syntax: Syntax<N>, node: N): boolean {
  const { kind } = syntax.view(node)
  if (kind !== 'name' && kind !== 'member' && kind !== 'wrapped') return false
  const held = syntax.pgOf(node)
  return held === 'pool' || held === 'unknown'
}
