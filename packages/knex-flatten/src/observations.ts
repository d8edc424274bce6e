import type { Knex } from 'knex'
import { TransactionOptionsError } from './errors/errors.ts'
import { instanceOf } from './knex/wrap.ts'
import type { KnexClient } from './knex/internals.ts'
import { describe } from './observe/describe.ts'
import type { Observation } from './observe/observation.ts'

/**
 * Where flattening would have changed what the application did so far, merged by kind and place.
 *
 * What is seen in a transaction counts once the transaction has ended. Plain data, fit for JSON; at most 500 places are kept one by one.
 *
 * @param db - an instance wrapped with `{ nested: 'observe' }`.
 * @throws TransactionOptionsError for any other.
 *
 * @example
 * ```ts
 * const db = flatten(knex, { nested: 'observe' })
 * await runTheApplication()
 * await writeFile('observations.json', JSON.stringify(observations(db)))
 * ```
 */
export function observations(db: Knex): readonly Observation[] {
  const client = (db as { client?: KnexClient } | null | undefined)?.client
  const observed = client && instanceOf(client)?.observed
  if (!observed) {
    throw new TransactionOptionsError(
      "observations(db): this instance is not observed. Wrap it with flatten(knex, { nested: 'observe' }).",
    )
  }
  return observed.all
}

/**
 * The same as a report for a terminal: by kind, with what Knex did, what flattening would have done, and the places.
 *
 * @param db - an instance wrapped with `{ nested: 'observe' }`.
 * @throws TransactionOptionsError for any other.
 */
export function describeObservations(db: Knex): string {
  return describe(observations(db))
}
