import type { Knex } from 'knex'
import { writeAudit } from './audit.ts'

export interface Line {
  sku: string
  quantity: number
}

/** Takes goods from stock; all lines or none. */
export async function reserveStock(db: Knex, lines: Line[]): Promise<void> {
  await db.transaction(async (trx) => {
    for (const { sku, quantity } of lines) {
      await trx('stock').where({ sku }).decrement('available', quantity)
    }
    await writeAudit(trx, `reserved ${lines.length} lines`)
  })
}
