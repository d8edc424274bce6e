import type { Syntax } from '../syntax/syntax.ts'
import type { Handle } from './handle.ts'

/** Packages whose `trx`, `tx`, `.transaction()` and `.savepoint()` are their own. */
const foreignPackage =
  /^(?:drizzle-orm|kysely|kysely-.*|sequelize|sequelize-typescript|typeorm|postgres|slonik|pg-promise|mongodb|mongoose|idb|dexie|@prisma\/.*|@mikro-orm\/.*|@sequelize\/.*)(?:\/|$)/u

const ownPackage = /^(?:knex|knex-flatten|objection)(?:\/|$)/u

/** Whether a file's imports say that its transactions are another library's. */
export function isForeign(imports: readonly string[]): boolean {
  return imports.some((name) => foreignPackage.test(name)) && !imports.some((name) => ownPackage.test(name))
}

/** What `node` most likely holds, told without types: where it comes from, else what it is called. */
export function handleByName<N>(syntax: Syntax<N>, node: N, path: readonly string[] = [], depth = 0): Handle {
  const last = path.at(-1)
  if (last !== undefined) return byWord(last)
  if (depth > 8) return 'unknown'

  const view = syntax.view(node)
  switch (view.kind) {
    case 'wrapped':
      return handleByName(syntax, view.inner, path, depth + 1)
    case 'await':
      return awaited(syntax, view.inner)
    case 'member':
      return byWord(view.property)
    case 'literal':
    case 'array':
    case 'function':
      return 'none'
    case 'name': {
      const declared = syntax.declarationOf(node)
      if (declared?.kind === 'parameter' && declared.path.length === 0 && declared.index === 0) {
        if (isTransactionCallback(syntax, declared.function, depth)) return 'transaction'
      }
      if (declared?.kind === 'constant' && declared.path.length === 0) {
        const handle = handleByName(syntax, declared.value, [], depth + 1)
        if (handle !== 'unknown') return handle
      }
      return byWord(view.name)
    }
    default:
      return 'unknown'
  }
}

function byWord(word: string): Handle {
  if (/^#?(?:trx|tx)\d*$|(?:Trx|Tx)$/u.test(word)) return 'transaction'
  return /^#?(?:knex|db)$/u.test(word) ? 'knex' : 'unknown'
}

/** `await knex.transaction()`, `await Model.startTransaction()`, and `await provider()` of `knex.transactionProvider()`. */
function awaited<N>(syntax: Syntax<N>, promise: N): Handle {
  const view = syntax.view(promise)
  if (view.kind === 'wrapped') return awaited(syntax, view.inner)
  if (view.kind !== 'call') return 'unknown'
  const name = syntax.calledName(promise)
  if (name === 'startTransaction') return 'transaction'
  if (name === 'transaction') {
    const hasCallback = view.arguments.some((argument) => syntax.view(argument).kind === 'function')
    return hasCallback ? 'unknown' : 'transaction'
  }
  return isProvider(syntax, view.callee) ? 'transaction' : 'unknown'
}

function isProvider<N>(syntax: Syntax<N>, node: N): boolean {
  const view = syntax.view(node)
  if (view.kind === 'call') return syntax.calledName(node) === 'transactionProvider'
  if (view.kind !== 'name') return false
  const declared = syntax.declarationOf(node)
  return declared?.kind === 'constant' && isProvider(syntax, declared.value)
}

/** The function handed to `something.transaction(…)` gets the transaction first, as does that of a transaction's `savepoint(…)`. */
function isTransactionCallback<N>(syntax: Syntax<N>, fn: N, depth: number): boolean {
  const call = syntax.parent(fn)
  const name = call === undefined ? undefined : syntax.calledName(call)
  if (call === undefined || (name !== 'transaction' && name !== 'savepoint')) return false
  const view = syntax.view(call)
  if (view.kind !== 'call' || !view.arguments.includes(fn)) return false
  if (name === 'transaction') return true
  const callee = syntax.view(view.callee)
  return callee.kind === 'member' && handleByName(syntax, callee.object, [], depth + 1) === 'transaction'
}
