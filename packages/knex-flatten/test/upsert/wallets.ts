import type { Knex } from 'knex'
import type { FlattenOptions, UpsertStrategy } from 'knex-flatten'
import type { TestDatabase } from '../../../../test/setup/database.ts'
import { useDatabase } from '../../../../test/setup/database.ts'
import { connectFlat } from '../items.ts'

export const strategies: readonly UpsertStrategy[] = ['on-conflict', 'lock']

export type Endpoint = 'primary' | 'reader'

export const endpoints: readonly Endpoint[] = ['primary', 'reader']

export interface Wallets extends TestDatabase {
  /** A flattened instance on one of the endpoints, with room for many sessions. */
  readonly open: (endpoint: Endpoint, config?: Partial<Knex.Config>, options?: FlattenOptions) => Knex
}

/** A database with wallets, one for each user and currency. */
export function useWallets(more = ''): Wallets {
  const database = useDatabase((primary) =>
    primary.query(`
      create table wallets (
        id bigint generated always as identity primary key,
        user_id int not null,
        currency text not null,
        balance numeric(12, 2) not null default 0,
        label text generated always as (currency || ' of ' || user_id) stored,
        unique (user_id, currency)
      );
      ${more}`),
  )
  return Object.assign(database, {
    open: (endpoint: Endpoint, config?: Partial<Knex.Config>, options?: FlattenOptions) => {
      const url = endpoint === 'primary' ? database.primaryUrl : database.readerUrl
      return connectFlat(database, { url, config: { pool: { max: 12 }, ...config } }, options).db
    },
  })
}

/** Runs a call as a root's, a scope's, and without a transaction, in turn. */
export function anywhere<Result>(
  db: Knex,
  turn: number,
  call: (on: Knex) => Promise<Result>,
): Promise<Result> {
  if (turn % 3 === 0) return call(db)
  if (turn % 3 === 1) return db.transaction((trx) => call(trx))
  return db.transaction((trx) => trx.transaction((scope) => call(scope)))
}

/** Resolves once a session of this database waits for another. */
export async function sessionIsBlocked({ rows }: TestDatabase): Promise<void> {
  const waiting =
    'select from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0'
  while ((await rows(waiting)).length === 0);
}
