import type { Knex } from 'knex'

/** A row of a table that `knex/types/tables` declares, as it is read. */
export type RowOf<Table extends Knex.TableNames> = Knex.ResolveTableType<Knex.TableType<Table>>

/** The same as it may be inserted. */
export type InsertOf<Table extends Knex.TableNames> = Knex.ResolveTableType<Knex.TableType<Table>, 'insert'>

/** The same as it may be updated. */
export type UpdateOf<Table extends Knex.TableNames> = Knex.ResolveTableType<Knex.TableType<Table>, 'update'>

/** Values for some columns; what only the database can compute comes as `knex.raw(…)`. */
export type Values<Row> = { readonly [Column in keyof Row]?: Row[Column] | Knex.Raw }

/** A row, or several, with no other columns than allowed: TypeScript itself looks for them only where the type of a row is known. */
export type OneOrMany<Row, Allowed> =
  | (NoOther<Row, Allowed> & { readonly [Symbol.iterator]?: never })
  | readonly (Allowed & NoOther<Row, Allowed>)[]

type NoOther<Row, Allowed> = {
  readonly [Other in Exclude<Row extends unknown ? keyof Row : never, keyof Allowed>]?: never
}

/** The columns of a row, by the names the application uses. */
export type ColumnOf<Row> = keyof Row & string

/** A row that the application has not described. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Knex has it
export type AnyRow = Record<string, any>

/** A table that is not declared: the columns of one that is are checked. */
export type Undeclared<Table extends string> = Table extends Knex.TableNames ? never : Table
