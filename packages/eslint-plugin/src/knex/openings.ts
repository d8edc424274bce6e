import type { Syntax } from '../syntax/syntax.ts'
import type { View } from '../syntax/view.ts'
import { leavesTheRoot } from './scope-options.ts'

/** A call that opens a transaction, and the expression it opens it on. */
export interface Opening<N> {
  readonly on: N
  readonly how: OpeningMethod
}

export type OpeningMethod =
  'transaction' | 'transactionProvider' | 'batchInsert' | 'startTransaction' | 'migrate' | 'wrapper'

/** Functions the user names as opening a transaction: name → which argument they open it on. */
export type TransactionFunctions = ReadonlyMap<string, number>

/** The last words of calls that may open a transaction, so that other calls cost nothing. */
export const openingNames: ReadonlySet<string> = new Set([
  'transaction',
  'transactionProvider',
  'batchInsert',
  'startTransaction',
  'start',
  'latest',
  'up',
  'down',
  'rollback',
])

/** The words by which a function that opens one is found: of `knex.migrate.latest()` the first. */
export const openingWords: readonly string[] = [
  ...['transaction', 'transactionProvider', 'batchInsert', 'startTransaction', 'migrate'],
]

const migrations = new Set(['latest', 'up', 'down', 'rollback'])

type Call<N> = Extract<View<N>, { kind: 'call' | 'new' }>

/** What a call, looked at by itself, opens a transaction on; `undefined` for every other call. */
export function openingOf<N>(
  syntax: Syntax<N>,
  call: N,
  wrappers: TransactionFunctions,
): Opening<N> | undefined {
  const name = syntax.calledName(call)
  if (name === undefined) return undefined
  const view = syntax.view(call)
  if (view.kind !== 'call') return undefined

  const position = wrappers.get(name)
  if (position !== undefined) return opening(view.arguments[position], 'wrapper')
  if (!openingNames.has(name)) return undefined

  if (leavesTheRoot(syntax, call)) return undefined
  const callee = syntax.view(view.callee)
  if (callee.kind === 'name')
    return name === 'transaction' ? byObjection(syntax, view.callee, view) : undefined
  if (callee.kind !== 'member') return undefined

  switch (name) {
    case 'transaction':
      return byTransaction(syntax, callee.object, view)
    case 'transactionProvider':
      return mayBeKnex(syntax, callee.object) ? opening(callee.object, 'transactionProvider') : undefined
    case 'batchInsert':
      return mayBeKnex(syntax, callee.object) && !takesTransaction(syntax, call)
        ? opening(callee.object, 'batchInsert')
        : undefined
    case 'startTransaction':
      return onModel(syntax, callee.object, view, 0, 'startTransaction')
    case 'start':
      return byObjection(syntax, callee.object, view)
    default:
      return migrations.has(name) ? byMigration(syntax, callee.object) : undefined
  }
}

function opening<N>(on: N | undefined, how: OpeningMethod): Opening<N> | undefined {
  return on === undefined ? undefined : { on, how }
}

function mayBeKnex<N>(syntax: Syntax<N>, node: N): boolean {
  return syntax.handleOf(node) !== 'none'
}

function byTransaction<N>(syntax: Syntax<N>, object: N, call: Call<N>): Opening<N> | undefined {
  if (syntax.isObjectionModel(object)) return onModel(syntax, object, call, 1, 'transaction')
  const handle = syntax.handleOf(object)
  if (handle === 'none') return undefined
  if (handle !== 'unknown') return opening(object, 'transaction')

  const [first, second] = call.arguments.map((argument) => syntax.view(argument).kind)
  // IndexedDB's stores and modes, Sequelize's and others' names: never what Knex takes.
  if (first === 'array' || (first === 'literal' && !isNullish(syntax, call.arguments[0]))) return undefined
  if (second === 'function' && first !== 'literal') return opening(call.arguments[0], 'transaction')
  return opening(object, 'transaction')
}

function isNullish<N>(syntax: Syntax<N>, node: N | undefined): boolean {
  const view = node && syntax.view(node)
  return view?.kind === 'literal' && view.value == null
}

/** `Model.transaction(trx, cb)` and `Model.startTransaction(trx)` open on `trx`; without it, on what the model is bound to. */
function onModel<N>(
  syntax: Syntax<N>,
  model: N,
  call: Call<N>,
  others: number,
  how: OpeningMethod,
): Opening<N> | undefined {
  if (syntax.typed && !syntax.isObjectionModel(model) && syntax.handleOf(model) !== 'unknown')
    return undefined
  const given = call.arguments.length > others ? call.arguments[0] : undefined
  return opening(given ?? boundTo(syntax, model), how)
}

/** Objection's own `transaction(knexOrModel, …, cb)` and `transaction.start(knexOrModel)`. */
function byObjection<N>(syntax: Syntax<N>, callee: N, call: Call<N>): Opening<N> | undefined {
  const [first] = call.arguments
  if (first === undefined || !syntax.isObjectionTransaction(callee)) return undefined
  return opening(
    boundTo(syntax, first) ?? (syntax.isObjectionModel(first) ? undefined : first),
    'transaction',
  )
}

/** What `Model.bindKnex(x)` or `Model.bindTransaction(x)` binds a model to, through a constant too. */
function boundTo<N>(syntax: Syntax<N>, model: N): N | undefined {
  const view = syntax.view(model)
  if (view.kind === 'wrapped') return boundTo(syntax, view.inner)
  if (view.kind === 'name') {
    const declared = syntax.declarationOf(model)
    return declared?.kind === 'constant' && declared.path.length === 0
      ? boundTo(syntax, declared.value)
      : undefined
  }
  const name = view.kind === 'call' ? syntax.calledName(model) : undefined
  return view.kind === 'call' && (name === 'bindKnex' || name === 'bindTransaction')
    ? view.arguments[0]
    : undefined
}

/** `trx.migrate.latest()`: Knex's Migrator opens a transaction per run or per migration on what it was reached through. */
function byMigration<N>(syntax: Syntax<N>, object: N): Opening<N> | undefined {
  const view = syntax.view(object)
  if (view.kind !== 'member' || view.property !== 'migrate') return undefined
  return mayBeKnex(syntax, view.object) ? opening(view.object, 'migrate') : undefined
}

/** `batchInsert(…).transacting(trx)` runs in `trx` itself: Knex opens nothing then. */
function takesTransaction<N>(syntax: Syntax<N>, call: N): boolean {
  for (
    let node = call, above = syntax.parent(node);
    above !== undefined;
    node = above, above = syntax.parent(node)
  ) {
    const view = syntax.view(above)
    if (view.kind === 'member') {
      if (view.property === 'transacting') return true
    } else if (view.kind !== 'call' && view.kind !== 'wrapped') {
      return false
    } else if (view.kind === 'call' && view.callee !== node) {
      return false
    }
  }
  return false
}
