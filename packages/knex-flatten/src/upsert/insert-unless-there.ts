import type { Knex } from 'knex'
import { columnsOf, mayStandTwice, type Row, rowAt, type Target } from './target.ts'

/**
 * Inserts a row unless one with its key is there, waiting for whoever is about to insert one; gives back the new row.
 *
 * At REPEATABLE READ PostgreSQL refuses with `40001` where the row that is there was committed after the snapshot.
 */
export async function insertUnlessThere(on: Knex, target: Target, row: Row): Promise<Row | undefined> {
  const { table, options } = target
  const insert =
    options.strategy !== 'lock'
      ? on(table).insert(row).onConflict(conflictTarget(on, target)).ignore()
      : mayStandTwice(target)
        ? on(table).insert(row)
        : on(table).insert(selectedUnlessThere(on, target, row))
  const rows: Row[] = await insert.returning(columnsOf(options))
  return rows[0]
}

export function conflictTarget(on: Knex, { key, index }: Target): Knex.Raw {
  const where = index.predicate === undefined ? '' : ` where ${index.predicate}`
  return on.raw(`(??)${where}`, [Object.keys(key)])
}

/** Its key is locked, so nobody can come in between. */
function selectedUnlessThere(on: Knex, target: Target, row: Row): Knex.Raw {
  const given = Object.entries(row).filter(([, value]) => value !== undefined)
  const values = given.map(([, value]) => value)
  return on.raw(`(??) select ${values.map(() => '?').join(', ')} where not exists ?`, [
    given.map(([column]) => column),
    ...values,
    rowAt(on, target).select(on.raw('1')),
  ] as Knex.RawBinding[])
}
