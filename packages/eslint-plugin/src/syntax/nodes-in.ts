import type { Syntax } from './syntax.ts'

/**
 * `root` and every node below it in source order, but for those under which `isEntered` says no. On a stack of its own:
 * generated code nests thousands deep.
 */
export function* nodesIn<N>(
  syntax: Syntax<N>,
  root: N,
  isEntered: (child: N) => boolean = () => true,
): Iterable<N> {
  const waiting = [root]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node
    const start = waiting.length
    syntax.eachChild(node, (child) => {
      if (isEntered(child)) waiting.push(child)
    })
    // The first child is to be next, without an array of its own for each node.
    for (let low = start, high = waiting.length - 1; low < high; low++, high--) {
      const last = waiting[high]!
      waiting[high] = waiting[low]!
      waiting[low] = last
    }
  }
}
