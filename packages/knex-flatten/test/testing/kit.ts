import type createKnex from 'knex'
import type { Knex } from 'knex'
import { type FlattenOptions, TestTransactionError } from 'knex-flatten'
import { afterEach, expect } from 'vitest'
import type { TestDatabase } from '../../../../test/setup/database.ts'
import { connectFlat, idsIn, rejection, useItems } from '../items.ts'

interface TestedItems {
  readonly database: TestDatabase
  readonly open: (options?: FlattenOptions, config?: Partial<Knex.Config>) => Knex
}

/** The tables of {@link useItems}, of which no test may leave a row, and flattened instances on them. */
export function useTestedItems(knex?: typeof createKnex): TestedItems {
  const database = useItems()
  afterEach(async () => expect(await idsIn(database)).toEqual([]))
  return {
    database,
    open: (options, config = {}) => connectFlat(database, { ...(knex && { knex }), config }, options).db,
  }
}

export function insert(on: Knex, ...ids: number[]): Knex.QueryBuilder<any, number[]> {
  return on('items').insert(ids.map((id) => ({ id })))
}

export async function ids(on: Knex): Promise<number[]> {
  return on('items').orderBy('id').pluck('id')
}

/** What the test kit refuses something with. */
export async function refusal(promise: PromiseLike<unknown>): Promise<string> {
  const error = await rejection(promise)
  expect(error).toBeInstanceOf(TestTransactionError)
  expect(error.code).toBe('FLATTEN_TEST_TRANSACTION')
  return (error as Error).message
}
