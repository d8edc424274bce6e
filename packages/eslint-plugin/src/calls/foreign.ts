import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import type { Extent } from '../extent/extent.ts'
import { extentsOf } from '../extent/extents.ts'
import type { LintedFile } from '../linted-file.ts'
import { receiverOf } from './arguments.ts'
import { calledWord, createFollow, type Call, type Followed } from './follow.ts'
import { heldIn } from './held-in.ts'
import type { Step, Target, Value } from './kind.ts'
import { handleOfPlace, placesOf, type Place } from './places.ts'
import { queries, type Use } from './queries.ts'
import { isWithin } from '../syntax/is-within.ts'

/** Something that is sent on another connection than that of the transaction around it. */
export interface Foreign {
  readonly use: Use
  /** What to underline: the expression that holds the other connection, where it stands in this call. */
  readonly node: TSESTree.Node
  /**
   * That expression, and what is read from it to come to the other connection; `undefined` where there is none in this call:
   * `Order.query()`, `audit()`.
   */
  readonly root: Value<TSESTree.Node> | undefined
  /** The transaction that is open. */
  readonly extent: Extent
  /** Empty where the call itself sends it. */
  readonly chain: readonly Step<Use>[]
}

interface Found {
  /** The call that sends it, where that is in this file too. */
  readonly at: TSESTree.Node | undefined
  readonly use: Use
  readonly root: Value<TSESTree.Node> | undefined
  /** The function's name, where it is handed to the call. */
  readonly through: TSESTree.Node | undefined
  readonly chain: readonly Step<Use>[]
}

/** How to find what a call sends on a connection that is not the transaction's. */
export function createForeignSearch(file: LintedFile): (call: Call) => Foreign | undefined {
  const extents = extentsOf(file)
  if (extents.all.length === 0) return () => undefined
  let around: Extent | undefined
  const isInside = (call: Call): boolean => {
    if (!extents.all.some(({ root }) => isWithin(call, root))) return false
    ;[around] = extents.at(call)
    return around !== undefined && isReachable(file, around)
  }
  const kind = queries(file.settings.transactionFunctions)
  const search = createFollow<Use, Found>(
    file,
    kind,
    (followed) => (around === undefined ? [] : foundIn(followed, around)),
    isInside,
  )
  return (call) => {
    const targets = search(call)
    const extent = around
    if (targets.length === 0 || extent === undefined) return undefined
    // What a function of this file does in the transaction is reported where it stands.
    const isReportedThere = ({ at, root, chain }: Found) =>
      chain.length > 0 &&
      at !== undefined &&
      (root === undefined || !isWithin(root.node, call)) &&
      extents.at(at).includes(extent)
    const found = targets.find((each) => !isReportedThere(each))
    if (found === undefined) return undefined
    const { root, chain, use, through } = found
    const isHere = root !== undefined && isWithin(root.node, call)
    const isArgument =
      isHere && (chain.length === 0 || call.arguments.some((argument) => isWithin(root.node, argument)))
    const word = through ?? calledWord(call) ?? call
    const node = isArgument ? root.node : chain.length === 0 ? call.callee : word
    return { use, node, root: isArgument ? root : undefined, extent, chain }
  }
}

/** Somebody's own wrapper that hands nothing over makes its transaction known in its own way. */
function isReachable({ syntax }: LintedFile, { variable, opening }: Extent): boolean {
  return variable !== undefined || (opening !== undefined && syntax.calledName(opening) === 'transaction')
}

function foundIn<N extends object>(followed: Followed<N, Use>, extent: Extent): Found[] {
  const { graph, call, fromNode } = followed
  return graph.targetsOf(call).flatMap((target) => {
    const { how, at, on, unless, chain, isLazy, through } = target
    if (isLazy || unless.length > 0 || !isForeign(followed, target, extent)) return []
    return [
      {
        use: how,
        at: fromNode(at),
        root: on && valueHere(followed, on),
        through: through && fromNode(through),
        chain,
      },
    ]
  })
}

function valueHere<N extends object>(
  { fromNode }: Followed<N, Use>,
  { node, path }: Value<N>,
): Value<TSESTree.Node> | undefined {
  const here = fromNode(node)
  return here && heldIn({ node: here, path })
}

function isForeign<N extends object>(
  followed: Followed<N, Use>,
  { on, chain, through }: Target<N, Use>,
  extent: Extent,
): boolean {
  const { syntax, call, fromNode } = followed
  if (on === undefined) return true
  const places = placesOf(syntax, on.node, on.path)
  const isOfOtherCode = chain.length > 0 && fromNode(on.node) === undefined
  if (isOfOtherCode && !isReceiverBefore(followed, through ?? receiverOf(syntax, call), extent)) return false
  return places.every((place) => isForeignPlace(followed, place, extent))
}

/**
 * What was there before the transaction was opened cannot be it, whatever its type says. A function that is handed a transaction may
 * be handed others made of it: there only what is declared as a plain Knex counts.
 */
function isForeignPlace<N extends object>(
  followed: Followed<N, Use>,
  place: Place<N>,
  extent: Extent,
): boolean {
  const handle = handleOfPlace(followed.syntax, place)
  if (handle !== 'knex' && handle !== 'either') return false
  if (handle === 'either' && extent.kind === 'handed') return false
  return isBefore(followed, place, extent)
}

/** What a closure in another file was made of is older than the transaction where the closure's owner is. */
function isReceiverBefore<N extends object>(
  followed: Followed<N, Use>,
  receiver: N | undefined,
  extent: Extent,
): boolean {
  if (receiver === undefined) return true
  return placesOf(followed.syntax, receiver).every((place) => isBefore(followed, place, extent))
}

function isBefore<N extends object>(
  followed: Followed<N, Use>,
  { root, node }: Place<N>,
  extent: Extent,
): boolean {
  switch (root.kind) {
    case 'this':
      return true
    case 'parameter': {
      const fn = nodeHere(followed, root.function)
      if (fn === undefined || !isWithin(fn, extent.root)) return true
      return fn === extent.root && extent.kind === 'handed'
    }
    case 'value': {
      if (!root.isVariable) return false
      const declared = followed.syntax.declaredAt(node)
      const here = declared && nodeHere(followed, declared)
      if (here === undefined || !isWithin(here, extent.root)) return true
      return extent.start !== undefined && here.range[1] <= extent.start.range[0]
    }
  }
}

/** ESLint's node for one of this file; some of TypeScript's have none of their own. */
function nodeHere<N extends object>(
  { syntax, fromNode }: Followed<N, Use>,
  node: N,
): TSESTree.Node | undefined {
  for (let each: N | undefined = node; each !== undefined; each = syntax.parent(each)) {
    const here = fromNode(each)
    if (here !== undefined) return here.type === AST_NODE_TYPES.Program ? undefined : here
  }
  return undefined
}
