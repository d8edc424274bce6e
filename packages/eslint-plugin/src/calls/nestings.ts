import type { TSESTree } from '@typescript-eslint/utils'
import type { OpeningMethod } from '../knex/openings.ts'
import type { LintedFile } from '../linted-file.ts'
import { calledWord, createFollow, type Call, type Followed } from './follow.ts'
import type { Step } from './kind.ts'
import { mayBeLive } from './live-names.ts'
import { livenessOf } from './liveness.ts'
import { openings } from './openings.ts'
import { isWithin } from '../syntax/is-within.ts'

/** A transaction opened on one that is live. */
export interface Nesting {
  /** What to underline. */
  readonly node: TSESTree.Node
  /** The live transaction, as far as it stands in this file; else the call. */
  readonly on: TSESTree.Node
  readonly how: OpeningMethod
  /** Empty where the call itself opens it. */
  readonly chain: readonly Step<OpeningMethod>[]
}

/** How to find the nestings in a file. */
export function createInspect(file: LintedFile): (call: Call) => Nesting[] {
  const kind = openings(file.settings.transactionFunctions)
  const inspect = createFollow(file, kind, nestingsOf, mayBeLive(file))
  return (call) =>
    inspect(call).map(({ on, how, chain }) => {
      const word = calledWord(call) ?? call
      const isArgument = on !== undefined && call.arguments.some((argument) => isWithin(on, argument))
      return { node: isArgument && chain.length > 0 ? on : word, on: on ?? call, how, chain }
    })
}

function nestingsOf<N extends object>({
  graph,
  syntax,
  call,
  fromNode,
}: Followed<N, OpeningMethod>): {
  on: TSESTree.Node | undefined
  how: OpeningMethod
  chain: readonly Step<OpeningMethod>[]
}[] {
  return graph.targetsOf(call).flatMap((target) => {
    const { on, how, chain, unless } = target
    if (unless.length > 0 || livenessOf(syntax, call, target) !== 'live') return []
    return [{ on: on && fromNode(on.node), how, chain }]
  })
}
