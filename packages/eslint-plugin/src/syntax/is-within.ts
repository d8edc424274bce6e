import type { TSESTree } from '@typescript-eslint/utils'

/** Whether a node is another one or stands in it. */
export function isWithin(inner: TSESTree.Node, outer: TSESTree.Node): boolean {
  return outer.range[0] <= inner.range[0] && inner.range[1] <= outer.range[1]
}
