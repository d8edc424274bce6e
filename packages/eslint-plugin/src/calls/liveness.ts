import type { Syntax } from '../syntax/syntax.ts'
import type { Target } from './kind.ts'
import { handleOfPlace, placesOf } from './places.ts'
import { isReachable } from './reach.ts'

/** Whether what a transaction is opened on is a live transaction: here, only for some callers, or never. */
export type Liveness = 'live' | 'callers' | 'no'

export function livenessOf<N>(
  syntax: Syntax<N>,
  call: N,
  { on, isCallback }: Pick<Target<N, unknown>, 'on' | 'isCallback'>,
): Liveness {
  if (isCallback === true) return 'live'
  if (on === undefined) return 'no'
  const places = placesOf(syntax, on.node, on.path)
  const isTransaction = syntax.handleOf(on.node, on.path) === 'transaction'
  const live = places.filter((place) => handleOfPlace(syntax, place) === 'transaction')
  const reached = live.filter((place) => isReachable(syntax, call, place))
  if (isTransaction) return live.length === 0 || reached.length > 0 ? 'live' : 'no'
  if (reached.length === 0) return places.some((place) => place.root.kind !== 'value') ? 'callers' : 'no'
  const isCertain = live.length === places.length || reached.some((place) => place.root.kind === 'value')
  return isCertain ? 'live' : 'callers'
}
