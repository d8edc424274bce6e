import type { Knex } from 'knex'
import { getOrCreateCustomer } from './customers.ts'
import { openAccount, welcome } from './points.ts'
import { reserveStock, type Line } from './stock.ts'

export interface Order {
  email: string
  lines: Line[]
}

/** Everything an order needs, or nothing: one transaction around functions that each bring their own. */
export async function placeOrder(db: Knex, { email, lines }: Order): Promise<number> {
  return db.transaction(async (trx) => {
    const customer = await getOrCreateCustomer(trx, email)
    const [order] = await trx('orders').insert({ customer_id: customer, state: 'placed' }).returning('id')
    await trx.batchInsert(
      'order_lines',
      lines.map((line) => ({ ...line, order_id: order.id })),
    )
    await reserveStock(trx, lines)
    await openAccount(trx, customer)
    return order.id
  })
}

/** An order of somebody who has an account already: the welcome bonus fails, and is passed over. */
export async function orderAgain(db: Knex, customer: number): Promise<number> {
  return db.transaction(async (trx) => {
    const [order] = await trx('orders').insert({ customer_id: customer, state: 'again' }).returning('id')
    await welcome(trx, customer)
    return order.id
  })
}
