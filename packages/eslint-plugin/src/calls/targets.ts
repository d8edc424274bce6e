import { openingNames, openingOf, type OpeningMethod, type TransactionFunctions } from '../knex/openings.ts'
import { nodesIn } from '../syntax/nodes-in.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { passedAt, receiverOf } from './arguments.ts'
import { namesThatMayOpen } from './names-that-may-open.ts'
import { handleOfPlace, placesOf, type Place } from './places.ts'
import { isReachable } from './reach.ts'

/** A place on the way from a call to the transaction that it opens. */
export interface Step {
  readonly name: string
  readonly file: string
  readonly line: number
  readonly how?: OpeningMethod
  /** The text of what the transaction is opened on, at the last step. */
  readonly on?: string
}

/** An expression in a call that a transaction is opened on, here or in a function that is called. */
export interface Target<N> {
  readonly node: N
  readonly path: readonly string[]
  readonly how: OpeningMethod
  /** Empty where the call itself opens it. */
  readonly chain: readonly Step[]
  /** The live transaction is what the opening call hands to `node`, a function. */
  readonly isCallback?: boolean
}

/** Whether what a transaction is opened on is a live transaction: here, only for some callers, or never. */
export type Liveness = 'live' | 'callers' | 'no'

/** A function's summary: it opens a transaction on what its caller passes, or on a field of its instance. */
interface SummaryEntry {
  readonly parameter: number | 'this'
  readonly path: readonly string[]
  readonly how: OpeningMethod
  readonly chain: readonly Step[]
}

/** Follows calls of one program, or of one file without types; remembers each function's summary. */
export class CallGraph<N extends object> {
  readonly #syntax: Syntax<N>
  readonly #wrappers: TransactionFunctions
  readonly #summaries = new WeakMap<N, readonly SummaryEntry[]>()
  readonly #unfinished = new Set<N>()
  readonly #halves = new Set<N>()
  #sawCycle = false
  readonly #names: ReadonlySet<string>

  constructor(syntax: Syntax<N>, wrappers: TransactionFunctions) {
    this.#syntax = syntax
    this.#wrappers = wrappers
    this.#names = namesThatMayOpen(syntax, wrappers.keys())
  }

  /** Whether a call of `name` is worth a look: everything else costs nothing. */
  isCandidate(name: string): boolean {
    return openingNames.has(name) || this.#names.has(name)
  }

  /** What `call` opens transactions on, through any number of calls. */
  targetsOf(call: N): Target<N>[] {
    const name = this.#syntax.calledName(call)
    if (name === undefined || !this.isCandidate(name)) return []
    const opening = openingOf(this.#syntax, call, this.#wrappers)
    if (opening !== undefined) {
      const target = { node: opening.on, path: [], how: opening.how, chain: [] }
      return opening.how === 'transaction' ? [target, ...this.#throughCallback(call)] : [target]
    }
    return this.#names.has(name) ? this.#throughCall(call) : []
  }

  livenessOf(call: N, target: Target<N>): Liveness {
    if (target.isCallback === true) return 'live'
    const places = placesOf(this.#syntax, target.node, target.path)
    const isTransaction = this.#syntax.handleOf(target.node, target.path) === 'transaction'
    const live = places.filter((place) => handleOfPlace(this.#syntax, place) === 'transaction')
    const reached = live.filter((place) => isReachable(this.#syntax, call, place))
    if (isTransaction) return live.length === 0 || reached.length > 0 ? 'live' : 'no'
    if (reached.length === 0) return places.some((place) => place.root.kind !== 'value') ? 'callers' : 'no'
    const isCertain = live.length === places.length || reached.some((place) => place.root.kind === 'value')
    return isCertain ? 'live' : 'callers'
  }

  /** `knex.transaction(work)`: what `work` opens on its first parameter, it opens on a live transaction. */
  #throughCallback(call: N): Target<N>[] {
    const view = this.#syntax.view(call)
    // Objection's own `transaction(Model, …, work)` hands over models.
    if (view.kind !== 'call' || this.#syntax.view(view.callee).kind === 'name') return []
    return view.arguments.flatMap((node) => {
      const callback = this.#syntax.functionAt(node)
      if (callback === undefined) return []
      return this.#summaryOf(callback)
        .filter(({ parameter, path }) => parameter === 0 && path.length === 0)
        .map(({ path, how, chain }) => ({ node, path, how, chain, isCallback: true }))
    })
  }

  #throughCall(call: N): Target<N>[] {
    const callee = this.#syntax.functionCalledBy(call)
    if (callee === undefined) return []
    return this.#summaryOf(callee).flatMap(({ parameter, path, how, chain }) => {
      const node =
        parameter === 'this'
          ? receiverOf(this.#syntax, call)
          : passedAt(this.#syntax, call, parameter, callee)
      return node === undefined ? [] : [{ node, path, how, chain }]
    })
  }

  #summaryOf(fn: N): readonly SummaryEntry[] {
    const known = this.#summaries.get(fn)
    if (known !== undefined) {
      if (this.#unfinished.has(fn)) this.#sawCycle = true
      return known
    }
    // A function that comes back to itself adds nothing to its own summary …
    this.#summaries.set(fn, [])
    this.#unfinished.add(fn)
    const entries: SummaryEntry[] = []
    for (const node of nodesIn(this.#syntax, fn)) {
      for (const target of this.targetsOf(node)) entries.push(...this.#entriesOf(fn, node, target))
    }
    const distinct = [
      ...new Map(entries.map((entry) => [`${entry.parameter}.${entry.path.join('.')}`, entry])).values(),
    ]
    this.#summaries.set(fn, distinct)
    this.#unfinished.delete(fn)
    this.#forgetHalves(fn)
    return distinct
  }

  /** … but what the others on the way learnt then is only half: they are asked again when their turn comes. */
  #forgetHalves(fn: N): void {
    if (this.#unfinished.size > 0) {
      if (this.#sawCycle) this.#halves.add(fn)
      return
    }
    for (const half of this.#halves) if (half !== fn) this.#summaries.delete(half)
    this.#halves.clear()
    this.#sawCycle = false
  }

  #entriesOf(fn: N, call: N, target: Target<N>): SummaryEntry[] {
    // What is a transaction for certain is reported where it stands, not at every caller.
    if (this.livenessOf(call, target) === 'live') return []
    return placesOf(this.#syntax, target.node, target.path).flatMap((place) => {
      const parameter = parameterOf(fn, place)
      if (parameter === undefined || handleOfPlace(this.#syntax, place) === 'none') return []
      if (!isReachable(this.#syntax, call, place)) return []
      const step: Step = {
        name: this.#syntax.nameOf(fn),
        ...this.#syntax.positionOf(call),
        ...(target.chain.length === 0 && { how: target.how, on: this.#syntax.textOf(target.node) }),
      }
      return [{ parameter, path: place.path, how: target.how, chain: [step, ...target.chain] }]
    })
  }
}

function parameterOf<N>(fn: N, place: Place<N>): number | 'this' | undefined {
  if (place.root.kind === 'this') return 'this'
  return place.root.kind === 'parameter' && place.root.function === fn ? place.root.index : undefined
}
