import createKnex from 'knex'
import { placeOrder } from '../shop/orders.ts'
import { bad, say, title } from '../terminal/narrator.ts'
import { countRows } from './rows.ts'
import { firstOrder } from './sample.ts'
import type { Step } from './step.ts'

/** The application as it is, on a reader that forwards writes: the first nested transaction is refused. */
export const plainOnReader: Step = async (reader) => {
  title('1  Plain Knex on the forwarding reader')
  const db = createKnex({ client: 'pg', connection: reader.readerUrl })
  try {
    const refused = await placeOrder(db, firstOrder).then(
      (id) => new Error(`order ${id} was placed, though it should have been refused`),
      (error: Error & { code?: string }) => error,
    )
    const code = 'code' in refused ? String(refused.code) : 'no code'
    bad(`✗ placeOrder: ${code} ${refused.message}`)
    const rows = await countRows(reader.primaryUrl)
    say(
      `On the primary: ${rows.orders} orders, ${rows.order_lines} lines, ${rows.customers} customers. All of it is lost.`,
    )
    const refusals = reader.refusals().map(({ rule }) => rule)
    return {
      claim: 'plain Knex is refused on the reader',
      seen: `${code}, rule ${refusals.join(', ')}, ${rows.orders} rows`,
      holds: code === '0A000' && refusals.includes('savepoint') && rows.orders === 0 && rows.customers === 0,
    }
  } finally {
    await db.destroy()
  }
}
