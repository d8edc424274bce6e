import type { TSESTree } from '@typescript-eslint/utils'
import type { Extent } from '../extent/extent.ts'
import { extentsOf } from '../extent/extents.ts'
import type { LintedFile } from '../linted-file.ts'
import { isWithin } from '../syntax/is-within.ts'
import { begins } from './begins.ts'
import { createFollow, type Call, type Followed } from './follow.ts'
import type { Step } from './kind.ts'
import { isSamePlace, placesOf } from './places.ts'

/** A BEGIN on a client of pg on which a transaction is open. */
export interface SecondBegin {
  /** What to underline: the client that is handed over, or the call. */
  readonly node: TSESTree.Node
  /** The client's name where the transaction is open. */
  readonly client: string
  /** Empty where the call itself sends it. */
  readonly chain: readonly Step<'begin'>[]
}

/** How to find them in a file. */
export function createSecondBeginSearch(file: LintedFile): (call: Call) => SecondBegin[] {
  const extents = extentsOf(file)
  if (!extents.all.some(({ kind }) => kind === 'client')) return () => []
  let open: readonly Extent[] = []
  return createFollow(
    file,
    begins,
    (followed) => secondBeginsOf(followed, open),
    (call) => {
      open = extents.at(call).filter(({ kind }) => kind === 'client')
      return open.length > 0
    },
  )
}

function secondBeginsOf<N extends object>(
  { graph, syntax, call, fromNode, toNode }: Followed<N, 'begin'>,
  open: readonly Extent[],
): SecondBegin[] {
  const here = fromNode(call)
  if (here === undefined) return []
  return graph.targetsOf(call).flatMap(({ on, unless, chain, isCallback }) => {
    if (on === undefined || unless.length > 0 || isCallback === true) return []
    const places = placesOf(syntax, on.node, on.path)
    const variable = open.find(({ variable: held }) => {
      const name = held?.defs[0]?.name
      const clients = name === undefined ? [] : placesOf(syntax, toNode(name))
      return places.every((place) => clients.some((client) => isSamePlace(client, place)))
    })?.variable
    if (variable === undefined) return []
    const given = fromNode(on.node)
    const isHanded = chain.length > 0 && given !== undefined && isWithin(given, here)
    return [{ node: isHanded ? given : here, client: variable.name, chain }]
  })
}
