import createKnex, { type Knex } from 'knex'
import { flatten, UnexpectedRollbackError } from 'knex-flatten'
import { orderAgain } from '../shop/orders.ts'
import { bad, good, say, title } from '../terminal/narrator.ts'
import type { Step } from './step.ts'

/** A failure passed over inside a nested transaction: who says that the order is gone? */
export const swallowedFailure: Step = async (reader) => {
  title('3  A failure inside that is passed over')
  say('orderAgain() inserts an order; the welcome bonus inside it fails on a unique key, and is passed over.')
  const plain = createKnex({ client: 'pg', connection: reader.primaryUrl })
  const flat = flatten(createKnex({ client: 'pg', connection: reader.readerUrl }))
  try {
    const customer: number = (await plain('customers').first('id')).id
    const id = await orderAgain(plain, customer)
    const lost = !(await exists(plain, id))
    bad(`✗ plain Knex, on the primary: "success, order ${id}". Rows of order ${id}: ${lost ? 0 : 1}.`)

    const error = await orderAgain(flat, customer).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    const loud = error instanceof UnexpectedRollbackError && error.message.includes('insert into "points"')
    if (loud) {
      good(`✓ wrapped, on the reader: rejected with ${error.name}`)
      for (const line of error.message.split('\n')) say(`    ${line}`)
    } else {
      bad(`✗ wrapped, on the reader: ${String(error)}`)
    }
    return {
      claim: 'a failure passed over is silent on plain Knex, loud when wrapped',
      seen: `plain: success, ${lost ? 'row missing' : 'row there'}; wrapped: ${error instanceof Error ? error.name : 'success'}`,
      holds: lost && loud,
    }
  } finally {
    await Promise.all([plain.destroy(), flat.destroy()])
  }
}

async function exists(db: Knex, order: number): Promise<boolean> {
  return (await db('orders').where({ id: order }).first('id')) !== undefined
}
