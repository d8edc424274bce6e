import type { Knex } from 'knex'
import { conflictTarget } from './insert-unless-there.ts'
import { keyBindings, keyRow } from './key-row.ts'
import { inTransaction } from './lock.ts'
import { columnsOf, type Row, type Target } from './target.ts'

/** What became of rows that were to be inserted; both lists are in the order of the input. */
export interface TriedInsert<Inserted, Given> {
  /** The new rows, as they are stored. */
  readonly inserted: Inserted[]
  /** Those of the given rows, the same objects, that were not inserted. */
  readonly conflicts: Given[]
}

/** As many rows go in one statement, and as many values, of which PostgreSQL takes 65535. */
const ROWS_AT_ONCE = 500
const VALUES_AT_ONCE = 60_000

/** One statement for each row, which says of each what became of it. */
export function insertEach(
  on: Knex,
  rows: readonly Row[],
  insert: (on: Knex, row: Row, at: number) => Promise<Row | undefined>,
): Promise<TriedInsert<Row, Row>> {
  const each = async (trx: Knex): Promise<TriedInsert<Row, Row>> => {
    const inserted: Row[] = []
    const conflicts: Row[] = []
    for (const [at, row] of rows.entries()) {
      const stored = await insert(trx, row, at)
      if (stored) inserted.push(stored)
      else conflicts.push(row)
    }
    return { inserted, conflicts }
  }
  return rows.length === 1 ? each(on) : inTransaction(on, each)
}

/** A new row can be known by its key only where that is one of its own, and stored as it was given. */
export function canInsertAtOnce(targets: readonly Target[]): boolean {
  const { index } = targets[0]!
  return (
    index.hashed !== undefined &&
    !index.rewritten &&
    index.predicate === undefined &&
    targets.every(({ key }) => Object.values(key).every(isPlain))
  )
}

/** Not NULL, of which an index takes any number, nor an expression, which would be evaluated twice. Both are objects. */
function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value instanceof Date || value instanceof Uint8Array
}

/** One statement for all rows, or a few. */
export function insertAtOnce(
  on: Knex,
  rows: readonly Row[],
  targets: readonly Target[],
): Promise<TriedInsert<Row, Row>> {
  const columns = new Set(rows.flatMap((row) => Object.keys(row))).size
  const { length: keyColumns } = Object.keys(targets[0]!.key)
  const size = Math.min(ROWS_AT_ONCE, Math.floor(VALUES_AT_ONCE / (columns + keyColumns)))
  const parts = async (trx: Knex): Promise<TriedInsert<Row, Row>> => {
    const inserted: Row[] = []
    const conflicts: Row[] = []
    for (let from = 0; from < rows.length; from += size) {
      const part = rows.slice(from, from + size)
      const stored = await insertPart(trx, part, targets.slice(from, from + size))
      part.forEach((row, at) => {
        const own = stored.get(at)
        if (own) inserted.push(own)
        else conflicts.push(row)
      })
    }
    return { inserted, conflicts }
  }
  return rows.length <= size ? parts(on) : inTransaction(on, parts)
}

/** The new rows, by their places in the input: which of the keys each has is told by the server, to which 1 is 1.0. */
async function insertPart(
  on: Knex,
  rows: readonly Row[],
  targets: readonly Target[],
): Promise<Map<number, Row>> {
  const [first] = targets
  const { table, index, options } = first!
  const columns = index.hashed!
  const place = on.raw(
    `array_position(array[${targets.map(() => keyRow(columns)).join(', ')}], row(??)) as knex_flatten_place`,
    [
      ...targets.flatMap((target) => keyBindings(columns, target.key)),
      columns.map(({ column }) => column),
    ] as Knex.RawBinding[],
  )
  const stored: Row[] = await on(table)
    .insert(rows)
    .onConflict(conflictTarget(on, first!))
    .ignore()
    .returning([place, ...columnsOf(options)] as string[])
  return new Map(
    stored.map((row) => {
      // The first, under whatever name the application's `postProcessResponse` leaves it.
      const [[, at], ...own] = Object.entries(row) as [[string, number], ...[string, unknown][]]
      return [at - 1, Object.fromEntries(own)]
    }),
  )
}
