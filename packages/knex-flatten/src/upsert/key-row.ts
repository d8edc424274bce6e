import type { Knex } from 'knex'
import type { Row } from './target.ts'
import type { HashedColumn } from './unique-index.ts'

/** A key as SQL, of its columns' own types, so that to the server equal ones are equal however they were written. */
export function keyRow(columns: readonly HashedColumn[]): string {
  return `row(${columns.map(({ type }) => `cast(? as ${type})`).join(', ')})`
}

export function keyBindings(columns: readonly HashedColumn[], key: Row): Knex.RawBinding[] {
  return columns.map(({ column }) => key[column] as Knex.RawBinding)
}
