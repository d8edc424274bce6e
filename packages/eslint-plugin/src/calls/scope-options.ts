import type { TSESTree } from '@typescript-eslint/utils'
import { openingOf } from '../knex/openings.ts'
import {
  askedOf,
  isGiven,
  mayTakeOptions,
  traitsOf,
  type RootOption,
  type RootTraits,
} from '../knex/scope-options.ts'
import type { LintedFile } from '../linted-file.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { createFollow, type Call, type Followed } from './follow.ts'
import type { Kind, Step, Target } from './kind.ts'
import { mayBeLive } from './live-names.ts'
import { livenessOf } from './liveness.ts'
import { placesOf } from './places.ts'

/** A nested transaction that asks for what only a root can have. */
export interface Conflict {
  /** What to underline: the option, or what is handed to the function that asks for it. */
  readonly node: TSESTree.Node
  /** The live transaction, as far as it stands in this file; else the call. */
  readonly on: TSESTree.Node
  readonly option: RootOption
  readonly words: string
  readonly chain: readonly Step<string>[]
}

/** Opening a transaction with options that a nested one cannot have. */
const rootOptions: Kind<string> = {
  key: 'root options',
  seeds: () => ['transaction({})'],
  isFixedToo: false,
  mayBe: (syntax, call, name) => name === 'transaction' && mayTakeOptions(syntax, call),
  deedsOf(syntax, call) {
    const asked = askedOf(syntax, call)
    const opening = asked.length === 0 ? undefined : openingOf(syntax, call, new Map())
    if (opening === undefined) return []
    return asked.map(({ option, words }) => ({ how: `${option} ${words}`, on: opening.on }))
  },
  accepts: (handle) => handle !== 'none',
  isReportedAt: (syntax, call, target) => livenessOf(syntax, call, target) === 'live',
}

/** How to find such transactions in a file. */
export function createConflictSearch(file: LintedFile): (call: Call) => Conflict[] {
  return createFollow(file, rootOptions, (followed) => conflictsOf(followed), mayBeLive(file))
}

function conflictsOf<N extends object>({ graph, syntax, call, fromNode }: Followed<N, string>): Conflict[] {
  const here = fromNode(call)
  if (here === undefined) return []
  return graph.targetsOf(call).flatMap((target): Conflict[] => {
    if (target.unless.length > 0 || livenessOf(syntax, call, target) !== 'live') return []
    const root = rootOf(syntax, call, target)
    const [option, words] = split(target.how)
    const on = (target.on && fromNode(target.on.node)) ?? here
    if (target.chain.length > 0) return [{ node: on, on, option, words, chain: target.chain }]
    const asked = askedOf(syntax, call).find((each) => each.option === option)
    if (asked === undefined || isGiven(syntax, asked, root)) return []
    return [{ node: fromNode(asked.node) ?? here, on, option, words, chain: [] }]
  })
}

function split(how: string): [RootOption, string] {
  const space = how.indexOf(' ')
  return [how.slice(0, space) as RootOption, how.slice(space + 1)]
}

/** What is known of the root that a target's transaction is, or is a part of. */
function rootOf<N>(syntax: Syntax<N>, call: N, { on }: Target<N, string>): RootTraits | undefined {
  const [only, ...others] = on === undefined ? [] : placesOf(syntax, on.node, on.path)
  if (only === undefined || others.length > 0) return undefined
  const opening =
    only.root.kind === 'parameter' ? syntax.parent(only.root.function) : openingBehind(syntax, only.node)
  if (opening === undefined || opening === call || syntax.calledName(opening) !== 'transaction')
    return undefined
  const outer = openingOf(syntax, opening, new Map())
  if (outer === undefined || syntax.handleOf(outer.on) === 'transaction') return undefined
  return traitsOf(syntax, opening)
}

/** `const trx = await knex.transaction(…)` */
function openingBehind<N>(syntax: Syntax<N>, node: N): N | undefined {
  const declared = syntax.declarationOf(node)
  if (declared?.kind !== 'constant' || declared.path.length > 0) return undefined
  const view = syntax.view(declared.value)
  return view.kind === 'await' ? view.inner : undefined
}
