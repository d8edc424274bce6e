import type { Knex } from 'knex'
import { Model } from 'objection'

class Points extends Model {
  static override tableName = 'points'
  static override idColumn = 'customer_id'

  customer_id!: number
  balance!: number
}

/** Opens a customer's account for points, by Objection, in a transaction of the model's. */
export async function openAccount(db: Knex, customer: number): Promise<void> {
  await Points.transaction(db, async (trx) => {
    await Points.query(trx).insert({ customer_id: customer, balance: 0 })
  })
}

/** Gives a welcome bonus. Points are not worth failing an order for, so whatever goes wrong is passed over. */
export async function welcome(db: Knex, customer: number): Promise<void> {
  try {
    await db.transaction(async (trx) => {
      await trx('points')
        .insert({ customer_id: customer, balance: 100 })
        .catch(() => 'has an account already')
    })
  } catch {
    // Only points.
  }
}
