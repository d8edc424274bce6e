import type { Syntax } from './syntax.ts'

/** The innermost function that `node` stands in, in either tree. */
export function functionAround<N>(syntax: Syntax<N>, node: N): N | undefined {
  for (let above = syntax.parent(node); above !== undefined; above = syntax.parent(above)) {
    if (syntax.view(above).kind === 'function') return above
  }
  return undefined
}
