import type { Syntax } from '../syntax/syntax.ts'

/** What a transaction asks for that only a root can have. */
export type RootOption = 'durable' | 'retry' | 'isolationLevel' | 'readOnly'

/** An option as it is written: its name, its value in words, and the expression. */
export interface Asked<N> {
  readonly option: RootOption
  readonly words: string
  readonly node: N
}

/** What a root says of itself; a level that it does not say is the server's default. */
export interface RootTraits {
  readonly isolationLevel: string | undefined
  readonly isReadOnly: boolean
}

/** PostgreSQL's levels, which are three. */
function strength(isolationLevel: string | undefined): number {
  if (isolationLevel === 'serializable') return 2
  return isolationLevel === 'repeatable read' || isolationLevel === 'snapshot' ? 1 : 0
}

/** The options handed to `x.transaction(work, { … })` or `x.transaction({ … })`, as far as they are written out. */
function configOf<N>(syntax: Syntax<N>, call: N): ReadonlyMap<string, N> | undefined {
  const view = syntax.view(call)
  if (view.kind !== 'call') return undefined
  for (const argument of view.arguments.slice(0, 2)) {
    const given = objectAt(syntax, argument)
    if (given !== undefined) return given
  }
  return undefined
}

/** Whether one of its arguments may be options, by shape alone. */
export function mayTakeOptions<N>(syntax: Syntax<N>, call: N): boolean {
  const view = syntax.view(call)
  return (
    view.kind === 'call' &&
    view.arguments.slice(0, 2).some((argument) => {
      const { kind } = syntax.view(argument)
      return kind === 'object' || kind === 'name' || kind === 'wrapped'
    })
  )
}

function objectAt<N>(syntax: Syntax<N>, node: N, depth = 0): ReadonlyMap<string, N> | undefined {
  const view = syntax.view(node)
  if (view.kind === 'object') return view.properties
  if (view.kind === 'wrapped') return objectAt(syntax, view.inner, depth)
  if (view.kind !== 'name' || depth > 3) return undefined
  const declared = syntax.declarationOf(node)
  return declared?.kind === 'constant' && declared.path.length === 0
    ? objectAt(syntax, declared.value, depth + 1)
    : undefined
}

function literalAt<N>(syntax: Syntax<N>, node: N | undefined): string | boolean | null | undefined {
  if (node === undefined) return undefined
  const view = syntax.view(node)
  if (view.kind === 'wrapped') return literalAt(syntax, view.inner)
  return view.kind === 'literal' ? view.value : undefined
}

/** `requires-new` and `not-supported` are no part of the transaction around them, where the instance is flattened. */
export function leavesTheRoot<N>(syntax: Syntax<N>, call: N): boolean {
  const propagation = literalAt(syntax, configOf(syntax, call)?.get('propagation'))
  return propagation === 'requires-new' || propagation === 'not-supported'
}

/** What a transaction's options ask for that a nested one cannot have. */
export function askedOf<N>(syntax: Syntax<N>, call: N): Asked<N>[] {
  const config = configOf(syntax, call)
  if (config === undefined || leavesTheRoot(syntax, call)) return []
  const asked: Asked<N>[] = []
  const ask = (option: RootOption, holds: (value: ReturnType<typeof literalAt>, node: N) => boolean) => {
    const node = config.get(option)
    if (node === undefined || !holds(literalAt(syntax, node), node)) return
    asked.push({ option, words: `${option}: ${syntax.textOf(node)}`, node })
  }
  ask('durable', (value) => value === true)
  ask('retry', (value, node) => value === true || objectAt(syntax, node) !== undefined)
  ask('isolationLevel', (value) => typeof value === 'string' && strength(value) > 0)
  ask('readOnly', (value) => value === false)
  return asked
}

/** What a call says of the root that it opens. */
export function traitsOf<N>(syntax: Syntax<N>, call: N): RootTraits | undefined {
  const config = configOf(syntax, call)
  const level = config?.get('isolationLevel')
  const value = literalAt(syntax, level)
  // What is computed elsewhere may be any level.
  if (level !== undefined && typeof value !== 'string') return undefined
  return {
    isolationLevel: typeof value === 'string' ? value : undefined,
    isReadOnly: literalAt(syntax, config?.get('readOnly')) === true,
  }
}

/** Whether a root of which these traits are known gives what is asked; one of which nothing is known does not say. */
export function isGiven<N>(
  syntax: Syntax<N>,
  { option, node }: Asked<N>,
  root: RootTraits | undefined,
): boolean {
  if (root === undefined) return false
  if (option === 'readOnly') return !root.isReadOnly
  if (option !== 'isolationLevel') return false
  const level = literalAt(syntax, node)
  return typeof level === 'string' && strength(level) <= strength(root.isolationLevel)
}
