import type { Knex } from 'knex'

/** The one value of a SELECT without a table, under whatever name the application's `postProcessResponse` leaves it. */
export async function ask<Answer>(
  on: Knex,
  expression: string,
  bindings: readonly Knex.RawBinding[] = [],
): Promise<Answer> {
  const rows: object[] = await on.select(on.raw(`${expression} as answer`, bindings))
  return Object.values(rows[0]!)[0] as Answer
}

/** A text of PostgreSQL's own, as a part of a Knex raw expression: its question marks are no bindings. */
export function verbatim(sql: string): string {
  return sql.replaceAll('?', '\\?')
}
