import { nodesIn } from '../syntax/nodes-in.ts'
import type { Syntax } from '../syntax/syntax.ts'
import { isSamePlace, placesOf, type Place } from './places.ts'

/** What a Knex has only when it is a transaction, and what rows have only when there are some. */
const marks = new Set([
  'isTransaction',
  'isCompleted',
  'executionPromise',
  'commit',
  'rollback',
  'savepoint',
  'length',
])

/** `isTransaction(db)`, `isTrx(db)`, `inTransaction(db)`: somebody's own guard. */
const guardName = /^(?:is|in|has)(?:In|A)?(?:Knex)?_?(?:Transaction|Trx|Tx)$/iu

/**
 * Whether control can come to `node` while `place` holds something: a live transaction, a row that was found. Guards such as
 * `db.isTransaction ? f(db) : db.transaction(f)`, `trx ?? await db.transaction()` and `if (row) return row` say that it cannot.
 */
export function isReachable<N>(syntax: Syntax<N>, node: N, place: Place<N>): boolean {
  for (
    let child = node, above = syntax.parent(child);
    above !== undefined;
    child = above, above = syntax.parent(child)
  ) {
    const view = syntax.view(above)
    if (view.kind === 'conditional') {
      const holds = child === view.test ? undefined : truthOf(syntax, view.test, place)
      if (holds === (child === view.consequent ? false : true)) return false
    } else if (view.kind === 'logical' && child === view.right) {
      const holds = truthOf(syntax, view.left, place)
      if (holds === (view.operator !== '&&')) return false
    } else if (view.kind === 'block' && leavesBefore(syntax, view.statements, child, place)) {
      return false
    }
  }
  return true
}

function leavesBefore<N>(syntax: Syntax<N>, statements: readonly N[], until: N, place: Place<N>): boolean {
  // A function is there before the statements above it run: what always leaves does not keep control from it.
  const isHoisted = syntax.view(until).kind === 'function'
  for (const statement of statements) {
    if (statement === until) return false
    if (isHoisted && syntax.view(statement).kind !== 'conditional') continue
    if (leaves(syntax, statement, place)) return true
  }
  return false
}

/** Whether control never comes out below `statement` while `place` holds something. */
function leaves<N>(syntax: Syntax<N>, statement: N, place: Place<N>): boolean {
  const follow = (inner: N) => leaves(syntax, inner, place)
  const mayBreak = (inner: N) => {
    for (const each of nodesIn(syntax, inner)) {
      const exit = syntax.view(each)
      if (exit.kind === 'exit' && exit.isBreak) return true
    }
    return false
  }
  const view = syntax.view(statement)
  switch (view.kind) {
    case 'block':
      return view.statements.some(follow)
    case 'conditional': {
      const holds = truthOf(syntax, view.test, place)
      const whenTrue = holds === false || follow(view.consequent)
      const whenFalse = holds === true || (view.alternate !== undefined && follow(view.alternate))
      return whenTrue && whenFalse
    }
    case 'try':
      if (view.finalizer !== undefined && follow(view.finalizer)) return true
      return follow(view.block) && (view.handler === undefined || follow(view.handler))
    case 'switch':
      // A case without an end of its own falls into the next one.
      return view.hasDefault && view.cases.at(-1)?.some(follow) === true && !view.cases.flat().some(mayBreak)
    default:
      return view.kind === 'exit'
  }
}

/** What `test` comes to when `place` holds something; `undefined` when that does not decide it. */
function truthOf<N>(syntax: Syntax<N>, test: N, place: Place<N>, depth = 0): boolean | undefined {
  if (depth > 12) return undefined
  const truth = (node: N) => truthOf(syntax, node, place, depth + 1)
  const holds = (node: N) => isPlace(syntax, node, place)

  const view = syntax.view(test)
  switch (view.kind) {
    case 'wrapped':
      return truth(view.inner)
    case 'not':
      return negate(truth(view.operand))
    case 'logical': {
      const left = truth(view.left)
      if (view.operator === '&&') return both(left, truth(view.right))
      if (view.operator === '||') return negate(both(negate(left), negate(truth(view.right))))
      return left === undefined ? undefined : left
    }
    case 'equal':
      return negateIf(view.negated, equals(syntax, view.left, view.right, place, truth))
    case 'in': {
      const property = syntax.view(view.property)
      const isMark =
        property.kind === 'literal' && typeof property.value === 'string' && marks.has(property.value)
      return isMark && holds(view.object) ? true : undefined
    }
    case 'member':
      return (marks.has(view.property) && holds(view.object)) || holds(test) ? true : undefined
    case 'call': {
      const [first] = view.arguments
      const name = syntax.calledName(test) ?? ''
      if (first !== undefined && name === 'Boolean') return truth(first)
      const isGuard = guardName.test(name) || syntax.isTransactionGuard(test)
      return first !== undefined && isGuard && holds(first) ? true : undefined
    }
    case 'literal':
      return Boolean(view.value)
    case 'name': {
      if (holds(test)) return true
      const declared = syntax.declarationOf(test)
      if (declared?.kind !== 'constant') return undefined
      if (declared.path.length === 0) return truth(declared.value)
      // `const { isTransaction } = db`
      const [only, ...more] = declared.path
      return more.length === 0 && marks.has(only!) && holds(declared.value) ? true : undefined
    }
    default:
      return undefined
  }
}

function isPlace<N>(syntax: Syntax<N>, node: N, place: Place<N>): boolean {
  const [only, ...others] = placesOf(syntax, node)
  return only !== undefined && others.length === 0 && isSamePlace(only, place)
}

function equals<N>(
  syntax: Syntax<N>,
  left: N,
  right: N,
  place: Place<N>,
  truth: (node: N) => boolean | undefined,
): boolean | undefined {
  const literal = syntax.view(right)
  if (literal.kind !== 'literal') return undefined
  const asked = syntax.view(left)
  if (asked.kind === 'typeof') {
    const operand = syntax.view(asked.operand)
    if (literal.value === 'undefined') return negate(truth(asked.operand))
    return literal.value === 'function' && operand.kind === 'member' ? truth(asked.operand) : undefined
  }
  const isTruthy = truth(left)
  if (literal.value === true) return isTruthy
  if (literal.value === false || literal.value === '0') return negate(isTruthy)
  return literal.value == null && isTruthy === true ? false : undefined
}

function negate(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value
}

function negateIf(condition: boolean, value: boolean | undefined): boolean | undefined {
  return condition ? negate(value) : value
}

function both(one: boolean | undefined, other: boolean | undefined): boolean | undefined {
  if (one === false || other === false) return false
  return one === true && other === true ? true : undefined
}
