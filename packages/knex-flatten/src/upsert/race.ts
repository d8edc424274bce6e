import type { Knex } from 'knex'
import { UnresolvedConflictError } from '../errors/errors.ts'
import { ask } from './ask.ts'
import { columnsOf, type Row, rowAt, type Target } from './target.ts'

/** One row, and whether this call has created it. */
export interface Created<Row> {
  readonly row: Row
  /** False: it was there already, or another caller was faster. */
  readonly created: boolean
}

/** Each further attempt needs somebody who has deleted the row since the last. */
const ATTEMPTS = 10

/**
 * Creates the row or finds the one that stands in its way, until one of the two succeeds.
 *
 * @throws UnresolvedConflictError
 */
export async function race(
  target: Target,
  create: () => Promise<Row | undefined>,
  find: () => Promise<Row | undefined>,
): Promise<Created<Row>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const created = await create()
    if (created) return { row: created, created: true }
    const found = await find()
    if (found) return { row: found, created: false }
  }
  throw new UnresolvedConflictError(
    `${target.asking}: ${ATTEMPTS} times a row was not inserted, and none with its key was found. Either a trigger does not let ` +
      'it be inserted, or changes its key; or one is there and a policy of row level security hides it; or it is deleted and ' +
      'created over and over.',
  )
}

/** The row that stood in the way of an INSERT. */
export async function findWinner(on: Knex, target: Target): Promise<Row | undefined> {
  const columns = columnsOf(target.options)
  const seen = await rowAt(on, target).first(columns)
  if (seen) return seen
  // On a writer it has been deleted since. A reader may not show what others have committed; a locking read is forwarded.
  if (!(await ask<boolean>(on, 'pg_is_in_recovery()'))) return undefined
  return rowAt(on, target).forKeyShare().first(columns)
}
