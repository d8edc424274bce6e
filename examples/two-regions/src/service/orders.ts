import { type Order, placeOrder } from '@knex-flatten/example-basic/shop/orders'
import type { Knex } from 'knex'

/** The last orders. */
export const listOrders = async (db: Knex): Promise<unknown> =>
  db('orders').select('id', 'state').orderBy('id', 'desc').limit(5)

/** The shop's own nested transactions, run again as a whole where they fail for a reason that passes. */
export async function order(db: Knex, what: Order): Promise<number> {
  return db.transaction(async (trx) => placeOrder(trx, what), { retry: { attempts: 10 } })
}

/** An order and its lines, by two connections at once. */
export async function show(db: Knex, id: number): Promise<{ orders: number; lines: number }> {
  const [orders, lines] = await Promise.all([
    db('orders').where({ id }),
    db('order_lines').where({ order_id: id }),
  ])
  return { orders: orders.length, lines: lines.length }
}

/** Places an order, and shows it to who has placed it. */
export async function orderAndShow(db: Knex, what: Order): Promise<{ orders: number; lines: number }> {
  return show(db, await order(db, what))
}

/** Figures that belong together. */
export async function report(db: Knex): Promise<unknown> {
  return db.transaction(
    async (trx) => ({
      orders: await trx('orders').count().first(),
      sold: await trx('order_lines').sum('quantity').first(),
    }),
    { readOnly: true, isolationLevel: 'repeatable read' },
  )
}

/** Closes the day: no order may come between the counting and the note, which takes SERIALIZABLE. */
export async function closeDay(db: Knex): Promise<void> {
  await db.transaction(
    async (trx) => {
      const orders = await trx('orders').select('id')
      await trx('audit').insert({ what: `closed with ${orders.length} orders` })
    },
    { isolationLevel: 'serializable', retry: true },
  )
}
