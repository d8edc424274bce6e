import type { Syntax } from '../syntax/syntax.ts'
import type { Value } from './kind.ts'

/** What a function gets for a parameter: a value, nothing, or what cannot be told (after a spread). */
export type Passed<N> = { readonly node: N } | 'nothing' | 'unknown'

/** What `fn` gets at `index` from a call or construction: the argument, else its default. */
export function passedTo<N>(syntax: Syntax<N>, call: N, index: number, fn: N): Passed<N> {
  const view = syntax.view(call)
  if (view.kind !== 'call' && view.kind !== 'new') return 'unknown'
  const before = view.arguments.slice(0, index + 1)
  if (before.some((argument) => syntax.view(argument).kind === 'spread')) return 'unknown'
  const node = before[index] ?? syntax.defaultOf(fn, index)
  return node === undefined ? 'nothing' : { node }
}

/** The same, where only a value is of use. */
export function passedAt<N>(syntax: Syntax<N>, call: N, index: number, fn: N): N | undefined {
  const passed = passedTo(syntax, call, index, fn)
  return typeof passed === 'string' ? undefined : passed.node
}

/** What a method is called on. */
export function receiverOf<N>(syntax: Syntax<N>, call: N): N | undefined {
  const view = syntax.view(call)
  const callee = view.kind === 'call' ? syntax.view(view.callee) : undefined
  return callee?.kind === 'member' ? callee.object : undefined
}

/** Whether a value surely is nothing: `null`, `undefined`, or a property that a plain object does not have. */
export function isNothing<N>(syntax: Syntax<N>, { node, path }: Value<N>): boolean {
  const view = syntax.view(node)
  if (view.kind === 'wrapped') return isNothing(syntax, { node: view.inner, path })
  if (view.kind === 'literal') return view.value == null
  const [first, ...rest] = path
  if (view.kind !== 'object' || first === undefined) return false
  const property = view.properties.get(first)
  return property === undefined ? !view.isOpen : isNothing(syntax, { node: property, path: rest })
}
