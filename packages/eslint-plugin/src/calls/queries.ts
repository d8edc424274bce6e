import { builderMethods, otherQueryWords, telling, vague } from '../knex/builder-methods.ts'
import { openingNames, openingOf, openingWords, type TransactionFunctions } from '../knex/openings.ts'
import type { Syntax } from '../syntax/syntax.ts'
import type { Deed, Kind } from './kind.ts'
import { usageOf } from './usage.ts'

/** How a call uses a connection: with a statement, or by opening a transaction. */
export type Use = 'query' | 'transaction'

const objectionQueries = new Set(['query', '$query', 'relatedQuery', '$relatedQuery'])

/** Sending something on a connection. */
export function queries(wrappers: TransactionFunctions): Kind<Use> {
  return {
    key: `queries ${JSON.stringify([...wrappers])}`,
    seeds: () => [
      ...[...builderMethods].filter((method) => !vague.has(method)).map((method) => `().${method}`),
      ...[...telling, ...otherQueryWords, ...openingWords, ...wrappers.keys()],
    ],
    isFixedToo: true,
    mayBe: (syntax, call, name) =>
      openingNames.has(name) || objectionQueries.has(name) || isOnKnex(syntax, call, name),
    deedsOf: (syntax, call) => deedsOf(syntax, call, wrappers),
    accepts: (handle) => handle === 'knex' || handle === 'either',
    isReportedAt: () => false,
  }
}

const knexName = /knex|db|trx|tx|conn|database/iu

/** By its shape: `db('t')`, `this.db(table).where(…)`, `db.select(…)`, `db.schema.hasTable(…)`. */
function isOnKnex<N>(syntax: Syntax<N>, call: N, name: string): boolean {
  const view = syntax.view(call)
  if (view.kind !== 'call') return false
  const callee = syntax.view(view.callee)
  if (!isFollowed(syntax, view.callee)) return false
  if (callee.kind === 'member' && telling.has(name)) return true
  if (isChained(syntax, call)) return view.arguments.length > 0 || builderMethods.has(name)
  if (callee.kind === 'member') {
    const object = syntax.view(callee.object)
    if (object.kind === 'member' && object.property === 'schema') return true
  }
  const [first] = view.arguments
  if (first === undefined) return false
  if (knexName.test(name === '' ? syntax.textOf(view.callee) : name)) return true
  const table = syntax.view(first)
  const above = syntax.parent(call)
  return table.kind === 'literal' && above !== undefined && syntax.view(above).kind === 'await'
}

/** Not what a call answers with: it may be the transaction, and its type is dear where it is a chain. */
function isFollowed<N>(syntax: Syntax<N>, node: N): boolean {
  const view = syntax.view(node)
  switch (view.kind) {
    case 'name':
    case 'this':
    case 'logical':
    case 'conditional':
      return true
    case 'wrapped':
      return isFollowed(syntax, view.inner)
    case 'member':
      return isFollowed(syntax, view.object)
    default:
      return false
  }
}

/** `….where(…)`, `….then(…)` */
function isChained<N>(syntax: Syntax<N>, call: N): boolean {
  const above = syntax.parent(call)
  const view = above === undefined ? undefined : syntax.view(above)
  if (view?.kind !== 'member') return false
  return builderMethods.has(view.property) || /^(?:then|catch|finally)$/u.test(view.property)
}

function deedsOf<N>(syntax: Syntax<N>, call: N, wrappers: TransactionFunctions): Deed<N, Use>[] {
  const opening = openingOf(syntax, call, wrappers)
  if (opening !== undefined) return [{ how: 'transaction', on: opening.on }]
  const found = queryOf(syntax, call)
  if (found === undefined) return []
  const { fate, transacting } = usageOf(syntax, call)
  if (fate === 'kept') return []
  const isLazy = fate === 'returned'
  if (transacting !== undefined) return [{ how: 'query', on: transacting, isLazy }]
  return found.map((deed) => ({ ...deed, isLazy }))
}

/** What a call that begins a chain runs on; a value or a subquery is told from it by what becomes of it. */
function queryOf<N>(syntax: Syntax<N>, call: N): Deed<N, Use>[] | undefined {
  const view = syntax.view(call)
  if (view.kind !== 'call') return undefined
  const callee = syntax.view(view.callee)
  if (callee.kind === 'member' && objectionQueries.has(callee.property)) {
    const given = view.arguments[/^\$?related/u.test(callee.property) ? 1 : 0]
    if (callee.property.startsWith('$')) return onModel(given)
    if (syntax.isObjectionModel(callee.object)) return isUnbound(syntax, callee.object) ? onModel(given) : []
  }
  if (view.arguments.length > 0 && isKnex(syntax, view.callee)) return [{ how: 'query', on: view.callee }]
  if (callee.kind !== 'member') return undefined
  if (builderMethods.has(callee.property)) {
    return isKnex(syntax, callee.object) ? [{ how: 'query', on: callee.object }] : undefined
  }
  // `db.schema.hasTable('t')`
  const object = syntax.view(callee.object)
  return object.kind === 'member' && object.property === 'schema' && isKnex(syntax, object.object)
    ? [{ how: 'query', on: object.object }]
    : undefined
}

/** On what is given, and without it on what the model is bound to. */
function onModel<N>(given: N | undefined): Deed<N, Use>[] {
  if (given === undefined) return [{ how: 'query' }]
  return [
    { how: 'query', on: given },
    { how: 'query', unless: given },
  ]
}

/** A class by its own name; what is handed over or computed may be bound to a transaction. */
function isUnbound<N>(syntax: Syntax<N>, model: N): boolean {
  return syntax.view(model).kind === 'name' && syntax.declarationOf(model) === undefined
}

/** A Knex, or one of several things of which one is. */
function isKnex<N>(syntax: Syntax<N>, node: N): boolean {
  const view = syntax.view(node)
  switch (view.kind) {
    case 'wrapped':
      return isKnex(syntax, view.inner)
    case 'logical':
      return isKnex(syntax, view.left) || isKnex(syntax, view.right)
    case 'conditional':
      return (
        isKnex(syntax, view.consequent) || (view.alternate !== undefined && isKnex(syntax, view.alternate))
      )
    case 'name':
    case 'member': {
      if (!isFollowed(syntax, node)) return false
      const handle = syntax.handleOf(node)
      return handle === 'knex' || handle === 'either'
    }
    default:
      return false
  }
}
