import type { Knex } from 'knex'

/** The third level: called from inside reserveStock's transaction, which runs inside placeOrder's. */
export async function writeAudit(db: Knex, what: string): Promise<void> {
  await db.transaction(async (trx) => {
    await trx('audit').insert({ what })
  })
}
