import { nodesIn } from '../syntax/nodes-in.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { handleOfPlace, placesOf, type Place } from './places.ts'
import { isReachable } from './reach.ts'

/**
 * The parameters and fields that keep control from `node` where they hold something: `trx` for `knex` in `trx ?? knex`, and for what
 * follows `if (trx) return save(trx)`.
 */
export function keptAwayBy<N>(syntax: Syntax<N>, node: N): Place<N>[] {
  return testsAbove(syntax, node)
    .flatMap((test) => handlesIn(syntax, test))
    .filter((place) => place.root.kind !== 'value' && mayBeTransaction(syntax, place))
    .filter((place) => !isReachable(syntax, node, place))
}

function mayBeTransaction<N>(syntax: Syntax<N>, place: Place<N>): boolean {
  const handle = handleOfPlace(syntax, place)
  return handle !== 'none' && handle !== 'unknown'
}

/** What is asked on the way to `node`. */
function testsAbove<N>(syntax: Syntax<N>, node: N): N[] {
  const tests: N[] = []
  for (
    let child = node, above = syntax.parent(child);
    above !== undefined;
    child = above, above = syntax.parent(child)
  ) {
    const view = syntax.view(above)
    if (view.kind === 'conditional' && child !== view.test) tests.push(view.test)
    else if (view.kind === 'logical' && child === view.right) tests.push(view.left)
    else if (view.kind === 'block') {
      for (const statement of view.statements) {
        if (statement === child) break
        const before = syntax.view(statement)
        if (before.kind === 'conditional') tests.push(before.test)
      }
    }
  }
  return tests
}

function handlesIn<N>(syntax: Syntax<N>, test: N): Place<N>[] {
  const isPlain = (child: N) => syntax.view(child).kind !== 'function'
  return [...nodesIn(syntax, test, isPlain)].flatMap((node) => {
    const { kind } = syntax.view(node)
    return kind === 'name' || kind === 'member' ? placesOf(syntax, node) : []
  })
}
