import type { Knex } from 'knex'
import { isRecord, show } from '../options/check.ts'
import { insertUnlessThere } from './insert-unless-there.ts'
import { insertAtOnce, canInsertAtOnce, insertEach, type TriedInsert } from './insert-many.ts'
import { lockable, lockKeys } from './lock.ts'
import { checkUpsert, refuse, tryInsertChecks, type TryInsertOptions } from './options.ts'
import type { AnyRow, ColumnOf, InsertOf, OneOrMany, RowOf, Undeclared, Values } from './table-types.ts'
import { columnsOf, type Row, tellCall } from './target.ts'
import { findUniqueIndex } from './unique-index.ts'

/**
 * Inserts the rows that conflict with nothing, and says which do: a conflict is a value, not an error that aborts the transaction.
 *
 * Of two equal rows among them the second conflicts with the first. With `key` they go to the server in one statement, up to 500;
 * without it, where any unique index may be the one, in one for each row. Outside of a transaction several statements get one of
 * their own: on an error nothing is stored. Any other error than a conflict is thrown as it is.
 *
 * @param trxOrDb - a flattened instance, or a transaction or scope of it.
 * @throws TransactionOptionsError where `key` is given and no unique index is on it, before anything is written.
 *
 * @example
 * ```ts
 * const { inserted, conflicts } = await tryInsert(trx, 'seats', [{ flight, seat: '1A' }, { flight, seat: '1B' }])
 * ```
 */
export function tryInsert<
  Table extends Knex.TableNames,
  Given extends Values<InsertOf<Table>>,
  Column extends ColumnOf<RowOf<Table>> = ColumnOf<RowOf<Table>>,
>(
  trxOrDb: Knex,
  table: Table,
  rowOrRows: (Given | readonly Given[]) & OneOrMany<NoInfer<Given>, Values<InsertOf<Table>>>,
  options?: TryInsertOptions<Column, ColumnOf<InsertOf<Table>>>,
): Promise<TriedInsert<Pick<RowOf<Table>, Column>, Given>>
export function tryInsert<OneRow extends object = never, Column extends ColumnOf<OneRow> = ColumnOf<OneRow>>(
  trxOrDb: Knex,
  table: string,
  rowOrRows: Values<NoInfer<OneRow>> | readonly Values<NoInfer<OneRow>>[],
  options?: TryInsertOptions<Column, ColumnOf<NoInfer<OneRow>>>,
): Promise<TriedInsert<Pick<OneRow, Column>, Values<OneRow>>>
export function tryInsert<Table extends string, Given extends AnyRow>(
  trxOrDb: Knex,
  table: Undeclared<Table>,
  rowOrRows: Given | readonly Given[],
  options?: TryInsertOptions,
): Promise<TriedInsert<AnyRow, Given>>
export async function tryInsert(
  trxOrDb: Knex,
  table: string,
  rowOrRows: Row | readonly Row[],
  options: TryInsertOptions = {},
): Promise<TriedInsert<Row, Row>> {
  const asking = tellCall('tryInsert', table)
  checkUpsert(asking, table, options, tryInsertChecks)
  checkTogether(asking, options)
  const rows = Array.isArray(rowOrRows) ? (rowOrRows as readonly Row[]) : [rowOrRows as Row]
  for (const row of rows) checkRow(asking, row, options.key)
  if (rows.length === 0) return { inserted: [], conflicts: [] }
  const { key } = options
  if (!key) return insertEach(trxOrDb, rows, (on, row) => insertUnlessConflict(on, table, row, options))

  const index = await findUniqueIndex(trxOrDb, asking, table, key, options.index)
  const targets = rows.map((row) => ({ table, key: keyOf(row, key), index, options, asking }))
  if (options.strategy !== 'lock') {
    if (canInsertAtOnce(targets)) return insertAtOnce(trxOrDb, rows, targets)
    return insertEach(trxOrDb, rows, (on, row, at) => insertUnlessThere(on, targets[at]!, row))
  }
  if (index.predicate !== undefined) {
    refuse(asking, `strategy 'lock' cannot tell which rows ${index.name} is for; use 'on-conflict'`)
  }
  return lockable(trxOrDb, asking, options, async (trx) => {
    await lockKeys(trx, targets)
    return insertEach(trx, rows, (on, row, at) => insertUnlessThere(on, targets[at]!, row))
  })
}

function keyOf(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column]]))
}

async function insertUnlessConflict(
  on: Knex,
  table: string,
  row: Row,
  options: TryInsertOptions,
): Promise<Row | undefined> {
  const rows: Row[] = await on(table).insert(row).onConflict().ignore().returning(columnsOf(options))
  return rows[0]
}

function checkTogether(asking: string, { key, index, strategy }: TryInsertOptions): void {
  if (key) return
  if (strategy === 'lock')
    refuse(asking, `strategy 'lock' needs to know what to lock: say which columns by key`)
  if (index !== undefined) refuse(asking, `index ${index} needs its columns as well: say which by key`)
}

function checkRow(asking: string, row: unknown, key: readonly string[] = []): void {
  if (!isRecord(row)) refuse(asking, `a row must be an object of values by column, not ${show(row)}`)
  if (Object.keys(row).length === 0) refuse(asking, 'a row must have at least one column')
  const absent = key.find((column) => row[column] === undefined)
  if (absent !== undefined) refuse(asking, `a row has no value for ${absent}, which is of the key`)
}
