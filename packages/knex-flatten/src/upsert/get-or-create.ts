import type { Knex } from 'knex'
import { insertUnlessThere } from './insert-unless-there.ts'
import { lockable, lockKeys } from './lock.ts'
import { checkKey, checkUpsert, checkValues, getOrCreateChecks, type UpsertOptions } from './options.ts'
import { type Created, findWinner, race } from './race.ts'
import type { AnyRow, ColumnOf, InsertOf, RowOf, Undeclared, Values } from './table-types.ts'
import { columnsOf, findTarget, type Row, rowAt, tellCall } from './target.ts'

/**
 * Finds the row with a key, or creates it: of any number of callers at the same time each gets the one row, and exactly one is
 * told that it has created it. No savepoint, and no failed statement that would abort the transaction.
 *
 * The row is read as ever, and where it is there nothing is written. The loser of a race waits for the winner's COMMIT. At
 * REPEATABLE READ it may get PostgreSQL's `40001` instead, which `retry` takes care of.
 *
 * @param trxOrDb - a flattened instance, or a transaction or scope of it.
 * @param where - the key: values for exactly the columns of a unique index.
 * @param defaults - what a new row gets beside them.
 * @throws TransactionOptionsError where no unique index is on the key, before anything is written.
 * @throws UnresolvedConflictError where the row can neither be inserted nor be found.
 *
 * @example
 * ```ts
 * const { row, created } = await getOrCreate(trx, 'wallets', { userId, currency: 'EUR' }, { balance: 0 })
 * ```
 */
export function getOrCreate<
  Table extends Knex.TableNames,
  Column extends ColumnOf<RowOf<Table>> = ColumnOf<RowOf<Table>>,
>(
  trxOrDb: Knex,
  table: Table,
  where: Values<InsertOf<Table>>,
  defaults?: Values<InsertOf<Table>>,
  options?: UpsertOptions<Column>,
): Promise<Created<Pick<RowOf<Table>, Column>>>
export function getOrCreate<
  OneRow extends object = never,
  Column extends ColumnOf<OneRow> = ColumnOf<OneRow>,
>(
  trxOrDb: Knex,
  table: string,
  where: Values<NoInfer<OneRow>>,
  defaults?: Values<NoInfer<OneRow>>,
  options?: UpsertOptions<Column>,
): Promise<Created<Pick<OneRow, Column>>>
export function getOrCreate<Table extends string>(
  trxOrDb: Knex,
  table: Undeclared<Table>,
  where: AnyRow,
  defaults?: AnyRow,
  options?: UpsertOptions,
): Promise<Created<AnyRow>>
export async function getOrCreate(
  trxOrDb: Knex,
  table: string,
  where: Row,
  defaults: Row = {},
  options: UpsertOptions = {},
): Promise<Created<Row>> {
  const asking = tellCall('getOrCreate', table)
  checkUpsert(asking, table, options, getOrCreateChecks)
  checkKey(asking, where)
  checkValues(asking, 'defaults', where, defaults)
  const target = await findTarget(trxOrDb, asking, table, where, options)
  const there = await rowAt(trxOrDb, target).first(columnsOf(options))
  if (there) return { row: there, created: false }
  return lockable(trxOrDb, asking, options, async (on) => {
    if (options.strategy === 'lock') await lockKeys(on, [target])
    return race(
      target,
      () => insertUnlessThere(on, target, { ...defaults, ...where }),
      () => findWinner(on, target),
    )
  })
}
