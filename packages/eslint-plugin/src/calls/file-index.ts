import { builderMethods } from '../knex/builder-methods.ts'
import { mayTakeOptions } from '../knex/scope-options.ts'
import type { Syntax } from '../syntax/syntax.ts'

/** What one file says by names alone. */
interface FileIndex<N> {
  /** A function's name → the words it calls. */
  readonly calledNames: ReadonlyMap<string, ReadonlySet<string>>
  /** A method's or property's name → where classes and objects have one. */
  readonly members: ReadonlyMap<string, readonly N[]>
}

const indexes = new WeakMap<object, FileIndex<unknown>>()

/**
 * The names of functions from which, by names alone, a call of one of `seeds` can be reached. Types are asked only at
 * calls of these, which is what keeps the rules cheap; a name too many costs time, never a wrong report.
 */
export function namesThatReach<N>(syntax: Syntax<N>, seeds: Iterable<string>): ReadonlySet<string> {
  const callers = callersIn(syntax)
  const found = new Set(seeds)
  // A set's iteration goes on over what is added meanwhile.
  for (const name of found) for (const caller of callers.get(name) ?? []) found.add(caller)
  return found
}

const allCallers = new WeakMap<object, ReadonlyMap<string, ReadonlySet<string>>>()

/** A word → the names of functions that call it. */
function callersIn<N>(syntax: Syntax<N>): ReadonlyMap<string, ReadonlySet<string>> {
  const known = allCallers.get(syntax.scope)
  if (known !== undefined) return known
  const callers = new Map<string, Set<string>>()
  for (const root of syntax.roots()) {
    for (const [name, called] of indexOf(syntax, root).calledNames) {
      for (const callee of called) addTo(callers, callee, name)
    }
  }
  allCallers.set(syntax.scope, callers)
  return callers
}

/** Every method and property of that name in classes and objects of the program. */
export function membersNamed<N>(syntax: Syntax<N>, name: string): N[] {
  return [...syntax.roots()].flatMap((root) => indexOf(syntax, root).members.get(name) ?? [])
}

function indexOf<N>(syntax: Syntax<N>, root: N & object): FileIndex<N> {
  const known = indexes.get(root) as FileIndex<N> | undefined
  if (known !== undefined) return known
  const calledNames = new Map<string, Set<string>>()
  const members = new Map<string, N[]>()
  // A stack of its own: generated code nests thousands deep.
  const waiting: N[] = [root]
  const names: (readonly string[])[] = [[]]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const within = names.pop()!
    const named = syntax.namedBy(node)
    const inside = named === undefined ? within : [...within, named.name]
    if (named?.aliasOf !== undefined && named.aliasOf !== named.name)
      addTo(calledNames, named.name, named.aliasOf)
    if (named?.isMember === true) {
      const others = members.get(named.name)
      if (others === undefined) members.set(named.name, [node])
      else others.push(node)
    }
    const called = inside.length === 0 ? undefined : syntax.calledName(node)
    if (called !== undefined) {
      for (const word of wordsOf(syntax, node, called))
        for (const name of inside) addTo(calledNames, name, word)
    }
    syntax.eachChild(node, (child) => {
      waiting.push(child)
      names.push(inside)
    })
  }
  const index = { calledNames, members }
  indexes.set(root, index)
  return index
}

const vague = new Set(['latest', 'up', 'down', 'rollback', 'start', 'call', 'apply', 'bind'])

/** `knex.migrate.latest()` and `transaction.start()` count by their first word: the last says nothing. */
function wordsOf<N>(syntax: Syntax<N>, node: N, name: string): readonly string[] {
  if (name === 'transaction') return mayTakeOptions(syntax, node) ? [name, `${name}({})`] : [name]
  if (!builderMethods.has(name) && !vague.has(name)) return [name]
  const view = syntax.view(node)
  const callee = view.kind === 'call' ? syntax.view(view.callee) : undefined
  if (callee?.kind !== 'member') return [name]
  const object = syntax.view(callee.object)
  if (object.kind === 'call') return [name, `().${name}`]
  if (!vague.has(name)) return [name]
  if (object.kind === 'member') return [object.property]
  return object.kind === 'name' ? [object.name] : []
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, new Set([value]))
  else values.add(value)
}
