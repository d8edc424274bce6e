import type { Knex } from 'knex'
import { instanceBehind } from '../knex/instance-behind.ts'
import { verbatim } from './ask.ts'
import { type IndexFacts, readFacts, type TableFacts } from './catalog.ts'
import { refuse } from './options.ts'

/** A column of a key: as the application calls it, and its type as a part of a Knex raw expression. */
export interface HashedColumn {
  readonly column: string
  readonly type: string
}

/** The unique index that a key stands on; all that is said of it is `undefined` where the catalog may not be read. */
export interface UniqueIndex {
  readonly name: string | undefined
  /** The rows it is for, as a part of a Knex raw expression. */
  readonly predicate: string | undefined
  readonly nullsNotDistinct: boolean
  /** The key's columns, in an order that all callers have in common, where a hash of them can be relied on. */
  readonly hashed: readonly HashedColumn[] | undefined
  /** A trigger may store something else than what was given. */
  readonly rewritten: boolean
}

/** What was found, by instance and by what was looked for. What is missing may be there the next time. */
const known = new WeakMap<object, Map<string, UniqueIndex>>()

/**
 * The unique index on exactly these columns, asked for once per instance.
 *
 * @throws TransactionOptionsError that says which index is missing
 */
export async function findUniqueIndex(
  on: Knex,
  asking: string,
  table: string,
  columns: readonly string[],
  wanted: string | undefined,
): Promise<UniqueIndex> {
  const instance = instanceBehind(on, asking)
  const found = known.get(instance) ?? new Map<string, UniqueIndex>()
  known.set(instance, found)
  const key = JSON.stringify([table, wanted, ...columns])
  const before = found.get(key)
  if (before) return before
  const facts = await readFacts(on, identifier(on, table), columns.map(identifier.bind(undefined, on)))
  const index = facts ? choose(asking, columns, facts, wanted) : unseen(asking, wanted)
  found.set(key, index)
  return index
}

/** As this instance writes it, with its `wrapIdentifier`. */
function identifier(on: Knex, name: string): string {
  return on.raw('??', [name]).toSQL().sql
}

function unseen(asking: string, wanted: string | undefined): UniqueIndex {
  if (wanted !== undefined) {
    refuse(asking, `index ${wanted} cannot be looked up, since this user may not read pg_catalog`)
  }
  return {
    name: undefined,
    predicate: undefined,
    nullsNotDistinct: false,
    hashed: undefined,
    rewritten: true,
  }
}

function choose(
  asking: string,
  given: readonly string[],
  facts: TableFacts,
  wanted: string | undefined,
): UniqueIndex {
  const { table, columns } = facts
  // PostgreSQL says itself that there is no such table.
  if (table === undefined) return unseen(asking, undefined)
  if (facts.isView) refuse(asking, `${table} is a view, which has no unique index; name its table`)
  const absent = columns.find(({ type }) => type === null)
  if (absent) refuse(asking, `${table} has no column ${absent.name}`)
  const names = columns.map(({ name }) => name)
  const fitting = facts.indexes.filter((index) => fits(index, names))
  const chosen = wanted === undefined ? best(asking, fitting) : fitting.find(({ name }) => name === wanted)
  if (!chosen) return refuse(asking, missing(facts, names, wanted))
  return {
    name: chosen.name,
    predicate: chosen.predicate === null ? undefined : verbatim(chosen.predicate),
    nullsNotDistinct: chosen.nullsNotDistinct,
    hashed: chosen.hashable ? inOrder(given, columns) : undefined,
    rewritten: facts.isRewritten,
  }
}

/** One application may say `{ a, b }` and another `{ B, A }`. */
function inOrder(given: readonly string[], columns: TableFacts['columns']): HashedColumn[] {
  return columns
    .map(({ name, type }, at) => ({ name, column: given[at]!, type: verbatim(type!) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ column, type }) => ({ column, type }))
}

function fits({ columns, valid, deferrable }: IndexFacts, names: readonly string[]): boolean {
  return (
    valid && !deferrable && columns.length === names.length && names.every((name) => columns.includes(name))
  )
}

/** One that is for all rows, or the only one. */
function best(asking: string, fitting: readonly IndexFacts[]): IndexFacts | undefined {
  const whole = fitting.find(({ predicate }) => predicate === null)
  if (whole || fitting.length < 2) return whole ?? fitting[0]
  const all = fitting.map(({ name, predicate }) => `${name} where ${predicate}`).join('; ')
  return refuse(
    asking,
    `several unique indexes are on this key, each for some of the rows (${all}). Say which by the option index`,
  )
}

function missing(
  { table, indexes }: TableFacts,
  names: readonly string[],
  wanted: string | undefined,
): string {
  const columns = names.map(quoted).join(', ')
  const there = indexes.map(tell).join('; ') || 'none'
  const what =
    wanted === undefined
      ? `no unique index is on exactly (${columns}), so that two callers could both create a row`
      : `there is no unique index ${wanted} on exactly (${columns})`
  return (
    `${what}. Unique indexes of ${table}: ${there}. ` +
    `Add one, create unique index on ${table} (${columns}), or give the columns of one of those`
  )
}

function tell({ name, columns, predicate, valid, deferrable }: IndexFacts): string {
  return [
    `${name} on (${columns.map((column) => (column === null ? 'an expression' : quoted(column))).join(', ')})`,
    predicate !== null && `where ${predicate}`,
    deferrable && 'deferrable, which ON CONFLICT cannot use',
    !valid && 'not valid',
  ]
    .filter(Boolean)
    .join(', ')
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}
