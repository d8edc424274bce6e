import type { Knex } from 'knex'

/** The classic get-or-create, careful to be one transaction of its own wherever it is called. */
export async function getOrCreateCustomer(db: Knex, email: string): Promise<number> {
  return db.transaction(async (trx) => {
    const known = await trx('customers').where({ email }).first('id')
    if (known) return known.id
    const [created] = await trx('customers').insert({ email }).returning('id')
    return created.id
  })
}
