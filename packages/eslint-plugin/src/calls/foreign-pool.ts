import type { TSESTree } from '@typescript-eslint/utils'
import type { Extent } from '../extent/extent.ts'
import { extentsOf, type Extents } from '../extent/extents.ts'
import type { LintedFile } from '../linted-file.ts'
import { isWithin } from '../syntax/is-within.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { receiverOf } from './arguments.ts'
import { calledWord, createFollow, type Call, type Followed } from './follow.ts'
import { heldIn } from './held-in.ts'
import type { Step, Value } from './kind.ts'
import { isSamePlace, placesOf, type Place } from './places.ts'
import { poolUses, type PoolUse } from './pool-uses.ts'

/** A pool of pg that is used while a transaction is open on a client. */
export interface ForeignPool {
  readonly use: PoolUse
  /** What to underline: the pool, where it stands in this call. */
  readonly node: TSESTree.Node
  readonly root: Value<TSESTree.Node> | undefined
  /** The transaction that is open. */
  readonly extent: Extent
  /** Empty where the call itself uses it. */
  readonly chain: readonly Step<PoolUse>[]
}

/** How to find what a call sends on a pool beside the client whose transaction is open. */
export function createForeignPoolSearch(file: LintedFile): (call: Call) => ForeignPool | undefined {
  const extents = extentsOf(file)
  if (!extents.all.some(({ kind }) => kind === 'client')) return () => undefined
  let around: Extent | undefined
  const search = createFollow<PoolUse, ForeignPool>(
    file,
    poolUses,
    (followed) => (around === undefined ? [] : foundIn(followed, extents, around)),
    (call) => {
      around = extents.at(call).find(({ kind }) => kind === 'client')
      return around !== undefined
    },
  )
  return (call) => search(call)[0]
}

function foundIn<N extends object>(
  { graph, syntax, call, fromNode, toNode }: Followed<N, PoolUse>,
  extents: Extents,
  extent: Extent,
): ForeignPool[] {
  const here = fromNode(call) as Call | undefined
  const client = extent.variable?.defs[0]?.name
  if (here === undefined || client === undefined) return []
  const origins = originsOf(syntax, toNode(client))
  const isPool = (node: N | undefined, path: readonly string[] = []): boolean =>
    node !== undefined &&
    placesOf(syntax, node, path).every(
      (place) =>
        origins.some((origin) => isSamePlace(origin, place)) ||
        syntax.pgOf(place.node, place.rest) === 'pool',
    )
  // What a function of this file does in the transaction is reported where it stands.
  const isReportedThere = (at: N): boolean => {
    const use = fromNode(at)
    return use !== undefined && extents.at(use).includes(extent) && isPool(receiverOf(syntax, at))
  }
  return graph.targetsOf(call).flatMap(({ how, at, on, unless, chain, through, isCallback }) => {
    if (on === undefined || unless.length > 0 || isCallback === true || !isPool(on.node, on.path)) return []
    if (chain.length > 0 && isReportedThere(at)) return []
    const given = fromNode(on.node)
    const root =
      given !== undefined && isWithin(given, here) ? heldIn({ node: given, path: on.path }) : undefined
    const word = (through && fromNode(through)) ?? calledWord(here) ?? here
    return [{ use: how, node: root?.node ?? word, root, extent, chain }]
  })
}

/** What a client was taken of: `pool` in `client = await pool.connect()`. */
function originsOf<N>(syntax: Syntax<N>, client: N): readonly Place<N>[] {
  const declared = syntax.declarationOf(client)
  const value = declared?.kind === 'constant' ? syntax.view(declared.value) : undefined
  const isTaken = value?.kind === 'await' && syntax.calledName(value.inner) === 'connect'
  const pool = isTaken ? receiverOf(syntax, value.inner) : undefined
  return pool === undefined ? [] : placesOf(syntax, pool)
}
