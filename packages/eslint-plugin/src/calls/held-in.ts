import type { TSESTree } from '@typescript-eslint/utils'
import { viewOfEstree } from '../syntax/estree-view.ts'
import { withoutWrapping } from '../syntax/estree-nodes.ts'
import type { Value } from './kind.ts'

/** Follows a value into an object that is written out: from `{ db: knex }` by `db` to `knex`. */
export function heldIn({ node, path }: Value<TSESTree.Node>): Value<TSESTree.Node> {
  const [property, ...rest] = path
  const view = viewOfEstree(withoutWrapping(node))
  const value = view.kind === 'object' && property !== undefined ? view.properties.get(property) : undefined
  return value === undefined ? { node, path } : heldIn({ node: value, path: rest })
}
