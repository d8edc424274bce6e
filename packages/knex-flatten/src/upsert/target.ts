import type { Knex } from 'knex'
import { show } from '../options/check.ts'
import type { UpsertOptions } from './options.ts'
import { refuse } from './options.ts'
import { findUniqueIndex, type UniqueIndex } from './unique-index.ts'

export type Row = Record<string, unknown>

/** What is to be found, or created: one row of a table, by its key. */
export interface Target {
  readonly table: string
  readonly key: Row
  readonly index: UniqueIndex
  readonly options: UpsertOptions
  /** The call, for messages. */
  readonly asking: string
}

/** @throws TransactionOptionsError where the key is not unique, or has a NULL that makes it so */
export async function findTarget(
  on: Knex,
  asking: string,
  table: string,
  key: Row,
  options: UpsertOptions,
): Promise<Target> {
  const index = await findUniqueIndex(on, asking, table, Object.keys(key), options.index)
  const target = { table, key, index, options, asking }
  if (mayStandTwice(target)) {
    const empty = Object.keys(key).find((column) => key[column] === null)
    refuse(
      asking,
      `the key's ${empty} is null, and ${index.name ?? 'its unique index'} allows any number of rows with NULL: ` +
        'none of them is the one. Give it a value, or make the index UNIQUE NULLS NOT DISTINCT (PostgreSQL 15 and later)',
    )
  }
  return target
}

/** To a unique index one NULL is not another, unless it says so. */
export function mayStandTwice({ key, index }: Target): boolean {
  return !index.nullsNotDistinct && Object.values(key).includes(null)
}

/** A query for the row. */
export function rowAt(on: Knex, { table, key, index }: Target): Knex.QueryBuilder<Row, Row[]> {
  const query = on<Row>(table).where(key) as Knex.QueryBuilder<Row, Row[]>
  return index.predicate === undefined ? query : query.whereRaw(index.predicate)
}

/** What `.returning()` and `.select()` take. */
export function columnsOf({ returning }: UpsertOptions): string[] {
  return returning ? [...returning] : ['*']
}

/** `getOrCreate(trx, "wallets")` */
export function tellCall(name: string, table: unknown): string {
  return `${name}(trx, ${show(table)}, …)`
}
