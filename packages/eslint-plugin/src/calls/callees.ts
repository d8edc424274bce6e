import type { Syntax } from '../syntax/syntax.ts'
import { membersNamed } from './file-index.ts'
import { nodesRunBy } from './run-on-the-spot.ts'

/** More than that nobody keeps in mind, nor waits for. */
const mostImplementations = 8

/** From calls to the functions of the program that they run. */
export class Callees<N extends object> {
  readonly #syntax: Syntax<N>
  readonly #implementations = new WeakMap<N, readonly N[]>()

  constructor(syntax: Syntax<N>) {
    this.#syntax = syntax
  }

  /** The function that a call runs; behind a signature all that may be the one, and none where they are many. */
  of(call: N): readonly N[] {
    const direct = this.#syntax.functionCalledBy(call)
    if (direct !== undefined) return [direct]
    const promised = this.#syntax.promisedBy(call)
    if (promised === undefined) return []
    const known = this.#implementations.get(promised)
    if (known !== undefined) return known
    const found = new Set<N>()
    for (const member of membersNamed(this.#syntax, this.#syntax.calledName(call) ?? '')) {
      const fn = this.#syntax.implementationAt(promised, member)
      if (fn !== undefined) found.add(fn)
    }
    const fns = this.#withoutStandIns([...found])
    const implementations = fns.length > mostImplementations ? [] : fns
    this.#implementations.set(promised, implementations)
    return implementations
  }

  /** The call that an expression, or the variable that it names, has its value from. */
  making(node: N, depth = 0): N | undefined {
    if (depth > 6) return undefined
    const view = this.#syntax.view(node)
    if (view.kind === 'call') return node
    if (view.kind === 'wrapped' || view.kind === 'await') return this.making(view.inner, depth + 1)
    const declared = view.kind === 'name' ? this.#syntax.declarationOf(node) : undefined
    return declared?.kind === 'constant' ? this.making(declared.value, depth + 1) : undefined
  }

  /** What calls nothing stands in for one that does: a double, a null object. */
  #withoutStandIns(fns: readonly N[]): readonly N[] {
    if (fns.length < 2) return fns
    const working = fns.filter((fn) => {
      for (const node of nodesRunBy(this.#syntax, fn)) {
        if (this.#syntax.calledName(node) !== undefined) return true
      }
      return false
    })
    return working.length === 0 ? fns : working
  }
}
