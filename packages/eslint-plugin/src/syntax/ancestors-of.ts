import type { TSESTree } from '@typescript-eslint/utils'

/** What `node` stands in, from its parent up to the program, each with the child that the way came from. */
export function* ancestorsOf(
  node: TSESTree.Node,
): Iterable<readonly [above: TSESTree.Node, child: TSESTree.Node]> {
  let child = node
  // Above the program ESLint has null, whatever the type says.
  for (let above = child.parent ?? undefined; above !== undefined; above = above.parent ?? undefined) {
    yield [above, child]
    child = above
  }
}
