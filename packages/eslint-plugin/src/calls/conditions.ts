import { nodesIn } from '../syntax/nodes-in.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { handleOfPlace, placesOf, type Place } from './places.ts'
import { isReachable } from './reach.ts'

/**
 * The parameters and fields that keep control from `node` where they hold something: `trx` for `knex` in `trx ?? knex`, and for what
 * follows `if (trx) return save(trx)`.
 */
export function keptAwayBy<N extends object>(syntax: Syntax<N>, node: N): Place<N>[] {
  return testsAbove(syntax, node)
    .flatMap((test) => handlesIn(syntax, test))
    .filter((place) => !isReachable(syntax, node, place))
}

function mayBeTransaction<N>(syntax: Syntax<N>, place: Place<N>): boolean {
  const handle = handleOfPlace(syntax, place)
  return handle !== 'none' && handle !== 'unknown'
}

/** What is asked on the way to `node`. */
export function testsAbove<N>(syntax: Syntax<N>, node: N): N[] {
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

/** `amount` of `limits.amount`: no value by itself, and to find what it is of, TypeScript would ask for types. */
function isPropertyName<N>(syntax: Syntax<N>, node: N): boolean {
  const above = syntax.parent(node)
  const view = above === undefined ? undefined : syntax.view(above)
  return view?.kind === 'member' && view.object !== node
}

/** Whether a value may come from a parameter or a field, without asking for types: `row` behind `const row = await …` does not. */
function mayBeGiven<N>(syntax: Syntax<N>, node: N, depth = 0): boolean {
  const view = syntax.view(node)
  switch (view.kind) {
    case 'member':
      return mayBeGiven(syntax, view.object, depth)
    case 'wrapped':
      return mayBeGiven(syntax, view.inner, depth)
    case 'name': {
      const declared = syntax.declarationOf(node)
      if (declared?.kind !== 'constant' || depth > 6) return declared !== undefined
      return mayBeGiven(syntax, declared.value, depth + 1)
    }
    default:
      return view.kind !== 'call' && view.kind !== 'await' && view.kind !== 'literal' && view.kind !== 'other'
  }
}

const handles = new WeakMap<object, readonly Place<unknown>[]>()

/** Looked for once in each test, whatever stands below it. */
function handlesIn<N extends object>(syntax: Syntax<N>, test: N): readonly Place<N>[] {
  const known = handles.get(test) as readonly Place<N>[] | undefined
  if (known !== undefined) return known
  const isPlain = (child: N) => !syntax.isFunction(child) && !isPropertyName(syntax, child)
  const found = [...nodesIn(syntax, test, isPlain)]
    .flatMap((node) => {
      const { kind } = syntax.view(node)
      const isAsked = (kind === 'name' || kind === 'member') && mayBeGiven(syntax, node)
      return isAsked ? placesOf(syntax, node) : []
    })
    .filter((place) => place.root.kind !== 'value' && mayBeTransaction(syntax, place))
  handles.set(test, found)
  return found
}
