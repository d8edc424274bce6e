import type { Syntax } from '../syntax/syntax.ts'

/** What `fn` gets at `index` from a call or construction: the argument, else its default; unknown after a spread. */
export function passedAt<N>(syntax: Syntax<N>, call: N, index: number, fn: N): N | undefined {
  const view = syntax.view(call)
  if (view.kind !== 'call' && view.kind !== 'new') return undefined
  const before = view.arguments.slice(0, index + 1)
  if (before.some((argument) => syntax.view(argument).kind === 'spread')) return undefined
  return before[index] ?? syntax.defaultOf(fn, index)
}

/** What a method is called on. */
export function receiverOf<N>(syntax: Syntax<N>, call: N): N | undefined {
  const view = syntax.view(call)
  const callee = view.kind === 'call' ? syntax.view(view.callee) : undefined
  return callee?.kind === 'member' ? callee.object : undefined
}
