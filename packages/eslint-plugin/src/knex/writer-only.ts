import type { Syntax } from '../syntax/syntax.ts'

const enough = 12

/**
 * Whether `node` comes from something that is named in `names`: `adminDb`, `this.adminDb('t')`, a transaction that was opened on
 * it, or what its callback is handed.
 */
export function isOnWriter<N>(syntax: Syntax<N>, names: ReadonlySet<string>, node: N, depth = 0): boolean {
  if (names.size === 0 || depth > enough) return false
  const follow = (next: N) => isOnWriter(syntax, names, next, depth + 1)
  const view = syntax.view(node)
  switch (view.kind) {
    case 'wrapped':
    case 'await':
      return follow(view.inner)
    case 'member':
      return names.has(view.property) || follow(view.object)
    case 'call':
      return follow(view.callee)
    case 'name': {
      if (names.has(view.name)) return true
      const declared = syntax.declarationOf(node)
      if (declared?.kind === 'constant') return follow(declared.value)
      return declared !== undefined && isHandedOut(syntax, declared.function, follow)
    }
    default:
      return false
  }
}

/** A function that is handed to a call, as `adminDb.transaction(work)` does, gets what the call is made on. */
function isHandedOut<N>(syntax: Syntax<N>, fn: N, follow: (callee: N) => boolean): boolean {
  const call = syntax.parent(fn)
  const view = call === undefined ? undefined : syntax.view(call)
  return view?.kind === 'call' && view.arguments.includes(fn) && follow(view.callee)
}
