import type { Knex } from 'knex'
import { Model, raw } from 'objection'
import pg from 'pg'
import type { Failure, Form } from './program.ts'

export class AppError extends Error {}

export class Item extends Model {
  static override tableName = 'items'

  id!: number
}

/** Ids are written into the text, so that the server's log tells which row it was. */
export async function insertThrough(trx: Knex, form: Form, id: number): Promise<void> {
  if (form === 'objection') await Item.query(trx).insert({ id: raw(String(id)) as never })
  else await trx('items').insert(row(trx, id))
}

/** A row for `items`; one that cannot be computed stands for any SQL error. */
export function row(on: Knex, id: number | 'divide'): { id: Knex.Raw } {
  return { id: on.raw(id === 'divide' ? '1 / 0' : String(id)) }
}

export async function fail(trx: Knex, form: Form, how: Failure): Promise<void> {
  switch (how) {
    case 'application':
      throw new AppError('the application has changed its mind')
    case 'sql':
      await trx.raw('select 1 / 0')
      return
    case 'unique':
      await insertThrough(trx, form, 0)
      return
    case 'deferred':
      await trx('orders').insert({ item: trx.raw('99') })
      return
    case 'lost':
      await loseConnection(trx)
      await insertThrough(trx, form, 1)
  }
}

/** Another session ends the one the transaction runs on, and the driver has noticed. */
async function loseConnection(trx: Knex): Promise<void> {
  const connection: pg.Client & { processID: number } = await trx.client.acquireConnection()
  const ended = new Promise((resolve) => connection.once('end', resolve))
  const other = new pg.Client(trx.client.config.connection)
  await other.connect()
  await other.query('select pg_terminate_backend($1)', [connection.processID])
  await other.end()
  await ended
}
