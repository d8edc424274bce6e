import { AST_NODE_TYPES, type TSESTree } from '@typescript-eslint/utils'
import { placesOf, type Place } from '../calls/places.ts'
import { isReachable } from '../calls/reach.ts'
import type { EstreeSyntax } from '../syntax/estree-syntax.ts'
import { chainOf, queryOf, type Query } from '../knex/query.ts'
import { isWithin } from '../syntax/is-within.ts'

interface Lookup {
  readonly query: Query
  /** The variable that holds what was found. */
  readonly found: TSESTree.Node
}

const finders = new Set([
  'first',
  'select',
  'where',
  'whereIn',
  'andWhere',
  'findOne',
  'findById',
  'findByIds',
])
const writers = [
  'insert',
  'update',
  'del',
  'delete',
  'patch',
  'insertAndFetch',
  'patchAndFetch',
  'patchAndFetchById',
]

/** Remembers the lookups of a file in source order, and tells which insert runs only where one of them found nothing. */
export class LookupsBefore {
  readonly #syntax: EstreeSyntax
  readonly #lookups: Lookup[] = []
  /** Queries that lock rows, by the text of what runs them. */
  readonly #locks: { readonly on: string; readonly node: TSESTree.Node }[] = []

  constructor(syntax: EstreeSyntax) {
    this.#syntax = syntax
  }

  /** `found` was set to the result of `value`. */
  add(found: TSESTree.Node, value: TSESTree.Node): void {
    if (value.type !== AST_NODE_TYPES.AwaitExpression) return
    const query = queryOf(value)
    if (query === undefined || writers.some((method) => query.methods.has(method))) return
    if (![...query.methods].some((method) => finders.has(method))) return
    for (const name of namesIn(found)) this.#lookups.push({ query, found: name })
  }

  /** `call` locks the rows that its query finds. */
  addLock(call: TSESTree.CallExpression): void {
    const on = queryOf(chainOf(call))?.on
    if (on !== undefined) this.#locks.push({ on: this.#syntax.textOf(on), node: chainOf(call) })
  }

  /** The variable whose emptiness decides that `insert`, on `table`, runs. */
  decidingOn(insert: TSESTree.CallExpression, table: string): string | undefined {
    // The nearest first: it is the likeliest, and asking them all takes long where there are hundreds.
    const deciding = this.#lookups.findLast(
      ({ query, found }) =>
        query.table === table &&
        isWithin(insert, functionAround(found)) &&
        !this.#isLockedBefore(query, found) &&
        placesOf(this.#syntax, found).some(
          (place: Place<TSESTree.Node>) => !isReachable(this.#syntax, insert, place),
        ),
    )
    return deciding?.found.type === AST_NODE_TYPES.Identifier ? deciding.found.name : undefined
  }

  /** Another query of the same transaction has locked the row that everybody agrees on. */
  #isLockedBefore({ on }: Query, found: TSESTree.Node): boolean {
    if (on === undefined) return false
    const handle = this.#syntax.textOf(on)
    return this.#locks.some(
      (lock) =>
        lock.on === handle &&
        lock.node.range[1] <= found.range[0] &&
        functionAround(lock.node) === functionAround(found),
    )
  }
}

/** `row`, `[row]`: the names a lookup's result goes to. */
function namesIn(pattern: TSESTree.Node): TSESTree.Node[] {
  if (pattern.type === AST_NODE_TYPES.Identifier) return [pattern]
  const [first] = pattern.type === AST_NODE_TYPES.ArrayPattern ? pattern.elements : []
  return first?.type === AST_NODE_TYPES.Identifier ? [first] : []
}

function functionAround(node: TSESTree.Node): TSESTree.Node {
  let above: TSESTree.Node = node
  while (
    above.type !== AST_NODE_TYPES.Program &&
    above.type !== AST_NODE_TYPES.FunctionDeclaration &&
    above.type !== AST_NODE_TYPES.FunctionExpression &&
    above.type !== AST_NODE_TYPES.ArrowFunctionExpression
  ) {
    above = above.parent
  }
  return above
}
