import { builderMethods } from '../knex/builder-methods.ts'
import { runsAtOnce } from '../syntax/function-takers.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { isNothing, passedTo, receiverOf } from './arguments.ts'
import { Callees } from './callees.ts'
import { keptAwayBy } from './conditions.ts'
import { namesThatReach } from './file-index.ts'
import { Fixpoint } from './fixpoint.ts'
import type { Kind, Step, Target, Value } from './kind.ts'
import { handleOfPlace, isSamePlace, placesOf, type Place } from './places.ts'
import { isReachable } from './reach.ts'
import { isKeptForLater, nodesRunBy } from './run-on-the-spot.ts'
import { usageOf, type Usage } from './usage.ts'

/** What something is done on, as its function has it: of its caller's passing, or as it stands there. */
type Subject<N> =
  | { readonly kind: 'parameter'; readonly index: number; readonly path: readonly string[] }
  | { readonly kind: 'this'; readonly path: readonly string[] }
  | { readonly kind: 'here'; readonly value: Value<N> }

/** One line of a function's summary. */
interface Entry<N, How> {
  readonly how: How
  readonly at: N
  readonly on: Subject<N> | undefined
  readonly unless: readonly Subject<N>[]
  readonly chain: readonly Step<How>[]
  readonly isLazy: boolean
}

/** Nobody passes a handle deeper down; what a recursion digs up is cut here. */
const longestPath = 6

/** Follows one kind of deed through the calls of one program, or of one file without types. */
export class CallGraph<N extends object, How> {
  readonly #syntax: Syntax<N>
  readonly #kind: Kind<How>
  readonly #names: ReadonlySet<string>
  readonly #summaries = new Fixpoint<N, Entry<N, How>>((fn) => this.#summaryOf(fn))
  readonly #callees: Callees<N>

  constructor(syntax: Syntax<N>, kind: Kind<How>) {
    this.#syntax = syntax
    this.#kind = kind
    this.#callees = new Callees(syntax)
    this.#names = namesThatReach(syntax, kind.seeds(syntax))
  }

  /** Whether a call of a function of that name may lead to it: calls of all others cost nothing. */
  mayLead(name: string): boolean {
    return this.#names.has(name)
  }

  /** What `call` does, by itself or through any number of calls. */
  targetsOf(call: N): Target<N, How>[] {
    const { kind } = this.#syntax.view(call)
    if (kind !== 'call' && kind !== 'new') return []
    const name = this.#syntax.calledName(call) ?? ''
    if (this.#kind.mayBe(this.#syntax, call, name)) {
      const deeds = this.#kind.deedsOf(this.#syntax, call)
      if (deeds.length > 0) {
        const targets = deeds.map(({ how, on, unless, isLazy = false }) => ({
          how,
          at: call,
          on: on && { node: on, path: [] },
          unless: unless === undefined ? [] : [{ node: unless, path: [] }],
          chain: [],
          isLazy,
        }))
        return [...targets, ...this.#throughCallback(call)]
      }
    }
    const isWorthALook = this.#names.has(name) && !isInChain(this.#syntax, call, name)
    return [...(isWorthALook ? this.#throughCall(call) : []), ...this.#throughNamedArguments(call)]
  }

  #summaryOf(fn: N): readonly Entry<N, How>[] {
    const entries = new Map<string, Entry<N, How>>()
    for (const node of nodesRunBy(this.#syntax, fn)) {
      for (const target of this.targetsOf(node)) {
        for (const entry of this.#entriesOf(fn, node, target)) {
          const key = keyOf(this.#syntax, entry)
          if (!entries.has(key)) entries.set(key, entry)
        }
      }
    }
    return [...entries.values()]
  }

  #entriesOf(fn: N, call: N, target: Target<N, How>): Entry<N, How>[] {
    if (this.#kind.isReportedAt(this.#syntax, call, target)) return []
    const { on, how, isLazy } = target
    const places = on === undefined ? [undefined] : placesOf(this.#syntax, on.node, on.path)
    return places.flatMap((place) => {
      const subject = place && this.#subjectOf(fn, place)
      if (place !== undefined) {
        if (subject === undefined || place.path.length > longestPath) return []
        if (!this.#kind.accepts(handleOfPlace(this.#syntax, place))) return []
        if (!isReachable(this.#syntax, call, place)) return []
      }
      const unless = this.#unlessOf(fn, call, target, place)
      if (unless === undefined) return []
      const step: Step<How> = {
        name: this.#syntax.nameOf(fn),
        ...this.#syntax.positionOf(call),
        ...(target.chain.length === 0 && { how }),
        ...(target.chain.length === 0 && { on: this.#textOf(call, on) }),
      }
      return [{ how, at: target.at, on: subject, unless, isLazy, chain: [step, ...target.chain] }]
    })
  }

  /** What something is done on, in words: `db`, `Order.query` where the model has a Knex of its own. */
  #textOf(call: N, on: Value<N> | undefined): string {
    if (on !== undefined) return this.#syntax.textOf(on.node)
    const view = this.#syntax.view(call)
    return this.#syntax.textOf(view.kind === 'call' ? view.callee : call)
  }

  #subjectOf(fn: N, { root, path, node, rest }: Place<N>): Subject<N> | undefined {
    if (root.kind === 'this') return { kind: 'this', path }
    if (root.kind === 'value') {
      const isKnown = this.#kind.isFixedToo && root.isVariable
      return isKnown ? { kind: 'here', value: { node, path: rest } } : undefined
    }
    return root.function === fn
      ? { kind: 'parameter', index: root.index, path }
      : { kind: 'here', value: { node, path: rest } }
  }

  /** What keeps it from happening; `undefined` where something always does, as far as can be told. */
  #unlessOf(fn: N, call: N, target: Target<N, How>, on: Place<N> | undefined): Subject<N>[] | undefined {
    const places = [call, ...(on?.branches ?? [])].flatMap((node) => keptAwayBy(this.#syntax, node))
    for (const { node, path } of target.unless) {
      for (const place of placesOf(this.#syntax, node, path)) {
        if (isNothing(this.#syntax, { node: place.node, path: place.rest })) continue
        if (place.root.kind === 'value') return undefined
        places.push(place)
      }
    }
    return places
      .filter((place) => on === undefined || !isSamePlace(place, on))
      .flatMap((place) => this.#subjectOf(fn, place) ?? [])
  }

  #throughCall(call: N): Target<N, How>[] {
    const [callee, ...others] = this.#callees.of(call)
    if (callee === undefined) return []
    const entries = this.#inAll(callee, others)
    if (entries.length === 0) return []
    const isLazy = entries.some((entry) => entry.isLazy)
    const { fate, transacting }: Usage<N> = isLazy ? usageOf(this.#syntax, call) : { fate: 'sent' }
    return entries.flatMap((entry) => {
      if (entry.isLazy && (fate === 'kept' || transacting !== undefined)) return []
      const on = entry.on && this.#passedFor(entry.on, call, callee)
      if (on === 'nothing' || on === 'unknown') return []
      const unless: Value<N>[] = []
      for (const subject of entry.unless) {
        const passed = this.#passedFor(subject, call, callee)
        if (passed === 'unknown') return []
        if (passed !== 'nothing' && !isNothing(this.#syntax, passed)) unless.push(passed)
      }
      return [{ ...entry, on, unless, isLazy: entry.isLazy && fate === 'returned' }]
    })
  }

  /** What a function does, and with it each of the others that may run in its place. */
  #inAll(fn: N, others: readonly N[]): readonly Entry<N, How>[] {
    const entries = this.#summaries.of(fn)
    if (others.length === 0) return entries
    return entries.flatMap((entry) => {
      const [step, ...rest] = entry.chain
      return step !== undefined && others.every((other) => this.#isDoneBy(other, entry))
        ? [{ ...entry, chain: [{ ...step, others: others.length }, ...rest] }]
        : []
    })
  }

  #isDoneBy(fn: N, entry: Entry<N, How>): boolean {
    const key = keyOf(this.#syntax, entry)
    return this.#summaries
      .of(fn)
      .some((each) => keyOf(this.#syntax, each) === key && this.#isSameHere(each.on, entry.on))
  }

  /** Of two subjects that look the same: what functions close over is the same where it is one variable. */
  #isSameHere(one: Subject<N> | undefined, other: Subject<N> | undefined): boolean {
    if (one?.kind !== 'here' || other?.kind !== 'here') return true
    const places = placesOf(this.#syntax, one.value.node, one.value.path)
    const others = placesOf(this.#syntax, other.value.node, other.value.path)
    return places.every((place) => others.some((each) => isSamePlace(each, place)))
  }

  #passedFor(subject: Subject<N>, call: N, callee: N): Value<N> | 'nothing' | 'unknown' {
    switch (subject.kind) {
      case 'this': {
        const node = receiverOf(this.#syntax, call)
        return node === undefined ? 'unknown' : { node, path: subject.path }
      }
      case 'parameter': {
        const passed = passedTo(this.#syntax, call, subject.index, callee)
        return typeof passed === 'string' ? passed : { node: passed.node, path: subject.path }
      }
      case 'here':
        return this.#passedToMaker(subject.value, call) ?? subject.value
    }
  }

  /** `createService({ knex }).save()`, `const save = makeSave(knex); save()`: what the closure was made with. */
  #passedToMaker(value: Value<N>, call: N): Value<N> | undefined {
    const [only, ...others] = placesOf(this.#syntax, value.node, value.path)
    if (only?.root.kind !== 'parameter' || others.length > 0) return undefined
    const view = this.#syntax.view(call)
    const making = this.#callees.making(
      receiverOf(this.#syntax, call) ?? (view.kind === 'call' ? view.callee : call),
    )
    const { function: maker, index } = only.root
    if (making === undefined || this.#callees.of(making)[0] !== maker) return undefined
    const passed = passedTo(this.#syntax, making, index, maker)
    return typeof passed === 'string' ? undefined : { node: passed.node, path: only.path }
  }

  /** `knex.transaction(work)`: what `work` does on its first parameter, it does on a live transaction. */
  #throughCallback(call: N): Target<N, How>[] {
    const view = this.#syntax.view(call)
    // Objection's own `transaction(Model, …, work)` hands over models.
    if (view.kind !== 'call' || this.#syntax.view(view.callee).kind === 'name') return []
    if (this.#syntax.calledName(call) !== 'transaction') return []
    return view.arguments.flatMap((node) => {
      const callback = this.#syntax.functionAt(node)
      if (callback === undefined) return []
      return this.#summaries
        .of(callback)
        .filter(({ on }) => on?.kind === 'parameter' && on.index === 0 && on.path.length === 0)
        .map((entry) => ({ ...entry, on: { node, path: [] }, unless: [], isCallback: true }))
    })
  }

  /** A named function may be handed on to be kept. */
  #runsWhatItTakes(call: N): boolean {
    if (runsAtOnce.test(this.#syntax.calledName(call) ?? '')) return true
    return !isKeptForLater(this.#syntax, call) && usageOf(this.#syntax, call).fate === 'sent'
  }

  /** `rows.map(insertRow)`: what `insertRow` does on what is not passed to it. */
  #throughNamedArguments(call: N): Target<N, How>[] {
    if (!this.#kind.isFixedToo) return []
    const view = this.#syntax.view(call)
    if (view.kind !== 'call' || !this.#runsWhatItTakes(call)) return []
    return view.arguments.flatMap((argument) => {
      const named = this.#syntax.view(argument)
      if (named.kind !== 'name' || !this.#names.has(named.name)) return []
      const fn = this.#syntax.functionAt(argument)
      if (fn === undefined) return []
      return this.#summaries.of(fn).flatMap(({ on, unless, ...entry }) => {
        if (unless.length > 0 || (on !== undefined && on.kind !== 'here')) return []
        return [{ ...entry, on: on?.value, unless: [], isLazy: false, through: argument }]
      })
    })
  }
}

/** `….where(…)` behind a call: a builder's, whose type is dear. */
function isInChain<N>(syntax: Syntax<N>, call: N, name: string): boolean {
  if (!builderMethods.has(name)) return false
  const receiver = receiverOf(syntax, call)
  return receiver !== undefined && syntax.view(receiver).kind === 'call'
}

function keyOf<N, How>(syntax: Syntax<N>, { on, unless, how }: Entry<N, How>): string {
  const subjects = [on, ...unless].map((subject) => {
    if (subject === undefined) return ''
    if (subject.kind === 'here')
      return `here ${syntax.textOf(subject.value.node)}.${subject.value.path.join('.')}`
    return `${subject.kind === 'this' ? 'this' : subject.index}.${subject.path.join('.')}`
  })
  return on === undefined ? `${subjects.join(' ')} ${String(how)}` : subjects.join(' ')
}
