import type { Knex } from 'knex'
import type { Figures } from './figures.ts'
import type { Ledger } from './ledger.ts'
import { toldByStatement, toldByTransaction } from './told-by-error.ts'

export const ACCOUNTS = 20

/** Each write leaves rows `(id, part)`; a transfer moves money as well, of which there is always the same. */
export const schema = `
  create table writes (id int, part int, primary key (id, part));
  create table accounts (id int primary key, balance bigint not null);
  insert into accounts select n, 1000 from generate_series(0, ${ACCOUNTS - 1}) as n;
  create table entries (write int not null, account int not null, amount bigint not null)`

export interface Stand {
  readonly db: Knex
  readonly ledger: Ledger
  readonly figures: Figures
}

/** One request of a client's. */
export type Request = (stand: Stand) => Promise<unknown>

/** On purpose. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** A statement that commits by itself; notes what its client was told, and passes an error on. @returns its id */
export async function single({ db, ledger }: Stand): Promise<number> {
  const write = ledger.open(1)
  try {
    await db('writes').insert({ id: write.id, part: 0 })
    write.told = 'acknowledged'
  } catch (error) {
    write.told = toldByStatement(error)
    throw error
  }
  return write.id
}

/** A transaction that leaves so many rows under its id, and is run again where it may be; notes what its client was told. @returns its id */
export async function together(
  { db, ledger, figures }: Stand,
  rows: number,
  config: Knex.TransactionConfig,
  work: (trx: Knex.Transaction, id: number) => Promise<unknown>,
): Promise<number> {
  const write = ledger.open(rows)
  let runs = 0
  try {
    await db.transaction(
      async (trx) => {
        if (++runs > 1) figures.count('retried')
        await work(trx, write.id)
      },
      { retry: true, ...config },
    )
    write.told = 'acknowledged'
  } catch (error) {
    write.told = toldByTransaction(error)
    throw error
  }
  return write.id
}

export const part = (on: Knex, id: number, number: number): Knex.QueryBuilder =>
  on('writes').insert({ id, part: number })

/** Three levels, a row of each. */
export async function threeLevels(trx: Knex.Transaction, id: number): Promise<void> {
  await part(trx, id, 0)
  await trx.transaction(async (scope) => {
    await part(scope, id, 1)
    await scope.transaction(async (inner) => part(inner, id, 2))
  })
}
