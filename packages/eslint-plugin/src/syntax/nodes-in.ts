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
    const children: N[] = []
    syntax.eachChild(node, (child) => {
      if (isEntered(child)) children.push(child)
    })
    for (const child of children.reverse()) waiting.push(child)
  }
}
