import type { Knex } from 'knex'
import { insertUnlessThere } from './insert-unless-there.ts'
import { lockable, lockKeys } from './lock.ts'
import {
  checkKey,
  checkUpsert,
  checkValues,
  refuse,
  updateOrCreateChecks,
  type UpdateOrCreateOptions,
} from './options.ts'
import { type Created, race } from './race.ts'
import type { AnyRow, ColumnOf, InsertOf, RowOf, Undeclared, UpdateOf, Values } from './table-types.ts'
import { columnsOf, findTarget, type Row, rowAt, tellCall } from './target.ts'

/**
 * Updates the row with a key, or creates it. Each caller's values are written, one after another, and exactly one of them is told
 * that it has created the row. No savepoint, and no failed statement that would abort the transaction.
 *
 * At REPEATABLE READ the loser of a race may get PostgreSQL's `40001`, which `retry` takes care of.
 *
 * @param trxOrDb - a flattened instance, or a transaction or scope of it.
 * @param where - the key: values for exactly the columns of a unique index.
 * @param values - what the row is given, new or not; `onCreate` in `options` is for a new one alone.
 * @throws TransactionOptionsError where no unique index is on the key, before anything is written.
 * @throws UnresolvedConflictError where the row can neither be updated nor be inserted.
 *
 * @example
 * ```ts
 * const { row, created } = await updateOrCreate(trx, 'rates', { currency: 'EUR' }, { rate: '1.08' })
 * ```
 */
export function updateOrCreate<
  Table extends Knex.TableNames,
  Column extends ColumnOf<RowOf<Table>> = ColumnOf<RowOf<Table>>,
>(
  trxOrDb: Knex,
  table: Table,
  where: Values<InsertOf<Table>>,
  values: Values<UpdateOf<Table>>,
  options?: UpdateOrCreateOptions<Column, Values<InsertOf<Table>>>,
): Promise<Created<Pick<RowOf<Table>, Column>>>
export function updateOrCreate<
  OneRow extends object = never,
  Column extends ColumnOf<OneRow> = ColumnOf<OneRow>,
>(
  trxOrDb: Knex,
  table: string,
  where: Values<NoInfer<OneRow>>,
  values: Values<NoInfer<OneRow>>,
  options?: UpdateOrCreateOptions<Column, Values<NoInfer<OneRow>>>,
): Promise<Created<Pick<OneRow, Column>>>
export function updateOrCreate<Table extends string>(
  trxOrDb: Knex,
  table: Undeclared<Table>,
  where: AnyRow,
  values: AnyRow,
  options?: UpdateOrCreateOptions<string, AnyRow>,
): Promise<Created<AnyRow>>
export async function updateOrCreate(
  trxOrDb: Knex,
  table: string,
  where: Row,
  values: Row,
  options: UpdateOrCreateOptions<string, Row> = {},
): Promise<Created<Row>> {
  const asking = tellCall('updateOrCreate', table)
  checkUpsert(asking, table, options, updateOrCreateChecks)
  checkKey(asking, where)
  checkValues(asking, 'values', where, values)
  const { onCreate = {} } = options
  checkValues(asking, 'onCreate', where, onCreate)
  if (Object.values(values).every((value) => value === undefined)) {
    refuse(asking, 'values must have at least one column; without any, getOrCreate is what you want')
  }
  const target = await findTarget(trxOrDb, asking, table, where, options)
  const update = async (on: Knex): Promise<Row | undefined> =>
    (await rowAt(on, target).update(values).returning(columnsOf(options)))[0]
  const there = await update(trxOrDb)
  if (there) return { row: there, created: false }
  return lockable(trxOrDb, asking, options, async (on) => {
    if (options.strategy === 'lock') await lockKeys(on, [target])
    return race(
      target,
      () => insertUnlessThere(on, target, { ...values, ...onCreate, ...where }),
      () => update(on),
    )
  })
}
