import type { Syntax } from '../syntax/syntax.ts'

/** A function's name → the names it calls, in one file. */
type CalledNames = ReadonlyMap<string, ReadonlySet<string>>

const seeds = ['transaction', 'transactionProvider', 'batchInsert', 'startTransaction', 'migrate']

const calledNamesByFile = new WeakMap<object, CalledNames>()

/**
 * The names of functions from which, by names alone, a call that opens a transaction can be reached. Types are asked only at
 * calls of these, which is what keeps the rule cheap; a name too many costs time, never a wrong report.
 */
export function namesThatMayOpen<N>(syntax: Syntax<N>, wrappers: Iterable<string>): ReadonlySet<string> {
  const callers = new Map<string, Set<string>>()
  for (const root of syntax.roots()) {
    for (const [name, called] of calledNamesOf(syntax, root)) {
      for (const callee of called) addTo(callers, callee, name)
    }
  }
  const found = new Set<string>([...seeds, ...wrappers])
  // A set's iteration goes on over what is added meanwhile.
  for (const name of found) for (const caller of callers.get(name) ?? []) found.add(caller)
  return found
}

function calledNamesOf<N>(syntax: Syntax<N>, root: N & object): CalledNames {
  const known = calledNamesByFile.get(root)
  if (known !== undefined) return known
  const names = new Map<string, Set<string>>()
  // A stack of its own: generated code nests thousands deep.
  const waiting: { node: N; within: readonly string[] }[] = [{ node: root, within: [] }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, within } = next
    const named = syntax.namedBy(node)
    const inside = named === undefined ? within : [...within, named.name]
    if (named?.aliasOf !== undefined && named.aliasOf !== named.name) addTo(names, named.name, named.aliasOf)
    const called = calledWord(syntax, node)
    if (called !== undefined) for (const name of inside) addTo(names, name, called)
    syntax.eachChild(node, (child) => waiting.push({ node: child, within: inside }))
  }
  calledNamesByFile.set(root, names)
  return names
}

/** `knex.migrate.latest()` and `transaction.start()` count by their first word: the last says nothing. */
function calledWord<N>(syntax: Syntax<N>, node: N): string | undefined {
  const name = syntax.calledName(node)
  if (name !== 'latest' && name !== 'up' && name !== 'down' && name !== 'rollback' && name !== 'start')
    return name
  const view = syntax.view(node)
  const callee = view.kind === 'call' ? syntax.view(view.callee) : undefined
  const object = callee?.kind === 'member' ? syntax.view(callee.object) : undefined
  if (object?.kind === 'member') return object.property
  return object?.kind === 'name' ? object.name : undefined
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, new Set([value]))
  else values.add(value)
}
