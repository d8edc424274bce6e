import type { Syntax } from '../syntax/syntax.ts'

/** The argument a call or construction passes at `index`. */
export function argumentOf<N>(syntax: Syntax<N>, call: N, index: number): N | undefined {
  const view = syntax.view(call)
  return view.kind === 'call' || view.kind === 'new' ? view.arguments[index] : undefined
}

/** What a method is called on. */
export function receiverOf<N>(syntax: Syntax<N>, call: N): N | undefined {
  const view = syntax.view(call)
  const callee = view.kind === 'call' ? syntax.view(view.callee) : undefined
  return callee?.kind === 'member' ? callee.object : undefined
}
