import type { Handle } from '../knex/handle.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { passedAt } from './arguments.ts'

/** What a value is followed back to. */
type Root<N> =
  | { readonly kind: 'parameter'; readonly function: N; readonly index: number }
  | { readonly kind: 'this' }
  /** `of` is the variable that holds it, the same for every mention of it; else the expression, which is not followed. */
  | { readonly kind: 'value'; readonly of: object | N; readonly isVariable: boolean }

/** One value an expression may hold: a root and the properties from there. */
export interface Place<N> {
  readonly root: Root<N>
  readonly path: readonly string[]
  /** The expression at which following stopped, and what is still to be read from it: where to ask what it is. */
  readonly node: N
  readonly rest: readonly string[]
  /** The sides of `??`, `?:` and the like by which it is come to: what holds there holds for it. */
  readonly branches: readonly N[]
}

const enough = 12

/** Every value that `node`, read through `path`, may hold: `trx ?? db` has two. */
export function placesOf<N>(syntax: Syntax<N>, node: N, path: readonly string[] = [], depth = 0): Place<N>[] {
  const stop = (root: Root<N>, full = path): Place<N>[] => [
    { root, path: full, node, rest: path, branches: [] },
  ]
  const ended = () => stop({ kind: 'value', of: node, isVariable: false })
  const follow = (next: N, through = path) => placesOf(syntax, next, through, depth + 1)
  const branch = (next: N) => follow(next).map((place) => ({ ...place, branches: [next, ...place.branches] }))
  if (depth > enough) return ended()

  const view = syntax.view(node)
  switch (view.kind) {
    case 'wrapped':
      return follow(view.inner)
    case 'logical':
      return view.operator === '&&' ? branch(view.right) : [...follow(view.left), ...branch(view.right)]
    case 'conditional':
      return view.alternate === undefined ? ended() : [...branch(view.consequent), ...branch(view.alternate)]
    case 'member': {
      const accessor = syntax.accessorAt(node)
      if (accessor === undefined) return follow(view.object, [view.property, ...path])
      if (accessor.returns === undefined) return ended()
      return follow(accessor.returns).flatMap((place) =>
        place.root.kind === 'this' ? follow(view.object, place.path) : [place],
      )
    }
    case 'object': {
      const [first, ...others] = path
      const value = first === undefined ? undefined : view.properties.get(first)
      if (value !== undefined) return follow(value, others)
      return first === undefined || view.base === undefined ? ended() : follow(view.base)
    }
    case 'new': {
      const given = path.length === 0 ? undefined : givenToConstructor(syntax, node, path)
      return given === undefined ? ended() : follow(given.node, given.path)
    }
    case 'this':
      return stop({ kind: 'this' })
    case 'name': {
      const of = syntax.variableOf(node)
      const variable: Root<N> = { kind: 'value', of: of ?? node, isVariable: true }
      const declared = syntax.declarationOf(node)
      if (declared === undefined) return stop(variable)
      const full = [...declared.path, ...path]
      if (declared.kind === 'parameter') {
        return stop({ kind: 'parameter', function: declared.function, index: declared.index }, full)
      }
      const value = syntax.view(declared.value)
      // Beyond a call or `await` there is nothing to follow, but the name itself has a type.
      const isEnd = value.kind === 'call' || value.kind === 'await' || value.kind === 'other'
      return isEnd || (value.kind === 'new' && full.length === 0)
        ? stop(variable, full)
        : follow(declared.value, full)
    }
    default:
      return ended()
  }
}

export function handleOfPlace<N>(syntax: Syntax<N>, place: Place<N>): Handle {
  return syntax.handleOf(place.node, place.rest)
}

export function isSamePlace<N>(one: Place<N>, other: Place<N>): boolean {
  return (
    one.path.length === other.path.length &&
    one.path.every((property, index) => property === other.path[index]) &&
    isSameRoot(one, other)
  )
}

function isSameRoot<N>({ root: one }: Place<N>, { root: other }: Place<N>): boolean {
  if (one.kind === 'parameter' && other.kind === 'parameter') {
    return one.function === other.function && one.index === other.index
  }
  if (one.kind === 'value' && other.kind === 'value') return one.of === other.of
  return one.kind === other.kind
}

/** From a field of `new Orders(trx)` to the argument that the constructor puts there, or hands to `super(…)`. */
function givenToConstructor<N>(
  syntax: Syntax<N>,
  construction: N,
  [field, ...rest]: readonly string[],
  depth = 0,
): { node: N; path: readonly string[] } | undefined {
  const constructor = syntax.constructorCalledBy(construction)
  if (constructor === undefined || field === undefined || depth > enough) return undefined
  const declared = syntax.view(constructor)
  const index = declared.kind === 'function' ? declared.fieldsByParameter.get(field) : undefined
  if (index !== undefined) {
    const node = passedAt(syntax, construction, index, constructor)
    return node === undefined ? undefined : { node, path: rest }
  }

  for (const node of nodesIn(syntax, constructor)) {
    const view = syntax.view(node)
    const inherited =
      view.kind === 'call' ? givenToConstructor(syntax, node, [field, ...rest], depth + 1) : undefined
    const isSet = view.kind === 'assignment' && isField(syntax, view.left, field)
    const value = isSet ? { node: view.right, path: rest } : inherited
    if (value === undefined) continue
    for (const { root, path } of placesOf(syntax, value.node, value.path)) {
      if (root.kind !== 'parameter' || root.function !== constructor) continue
      const given = passedAt(syntax, construction, root.index, constructor)
      if (given !== undefined) return { node: given, path }
    }
  }
  return undefined
}

function isField<N>(syntax: Syntax<N>, node: N, field: string): boolean {
  const view = syntax.view(node)
  return view.kind === 'member' && view.property === field && syntax.view(view.object).kind === 'this'
}
