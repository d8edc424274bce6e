import type { Attributes } from '@opentelemetry/api'
import type { ScopeInfo, TransactionInfo } from '../events/info.ts'
import type { RouteChoice } from '../routing/choice.ts'

/** What the semantic conventions call the database, on every span. */
export const SYSTEM: Attributes = { 'db.system.name': 'postgresql' }

/** What is known of a transaction or scope when it is opened. */
export function openedAttributes(info: TransactionInfo | ScopeInfo): Attributes {
  const { name, openedAt, readOnly } = info
  return {
    ...SYSTEM,
    'knex_flatten.name': name,
    'knex_flatten.read_only': readOnly,
    ...placeAttributes(openedAt),
    ...(info.kind === 'transaction'
      ? {
          'knex_flatten.isolation_level': info.isolationLevel,
          'knex_flatten.consistency': info.consistency,
          'knex_flatten.attempt': info.attempt,
        }
      : { 'knex_flatten.savepoint': info.savepoint }),
  }
}

/** What is known of a transaction when it has ended. */
export function endedAttributes({ route, statements, crossings, outcome }: TransactionInfo): Attributes {
  return {
    ...routeAttributes(route),
    'knex_flatten.statements': statements,
    'knex_flatten.crossings': crossings,
    'knex_flatten.outcome': outcome,
  }
}

/** Where something runs, and why. */
export function routeAttributes(route: RouteChoice | undefined): Attributes {
  return route ? { 'knex_flatten.target': route.target, 'knex_flatten.reason': route.reason } : {}
}

/** `src/orders.ts:12:20` */
export function placeAttributes(place: string | undefined): Attributes {
  const [, path, line, column] = /^(.*):(\d+):(\d+)$/.exec(place ?? '') ?? []
  return path === undefined
    ? {}
    : { 'code.file.path': path, 'code.line.number': Number(line), 'code.column.number': Number(column) }
}
