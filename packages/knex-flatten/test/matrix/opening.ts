import type { Knex } from 'knex'
import { batchOf } from './batch.ts'
import { migrate } from './migrating.ts'
import type { Block, Form } from './program.ts'
import { Item } from './statements.ts'

type Body = (trx: Knex.Transaction) => Promise<void>
type Open = (on: Knex, body: Body, block: Block) => PromiseLike<unknown>

/** Every way into a transaction, on an instance or on a transaction. */
const opening: Record<Form, Open> = {
  callback: (on, body) => on.transaction(body),
  savepoint: (on, body) => (isTransaction(on) ? on.savepoint(body) : on.transaction(body)),
  promise: async (on, body) => endByHand(await on.transaction(), body),
  provider: (on, body) => {
    const provider = on.transactionProvider()
    return provider().then((trx) => endByHand(trx, body))
  },
  objection: (on, body) => Item.transaction(on, body),
  batchInsert: (on, _body, block) => on.batchInsert('items', batchOf(on, block), 1),
  migration: migrate,
}

export async function open(on: Knex, block: Block, body: Body): Promise<void> {
  await opening[block.form](on, body, block)
}

function isTransaction(on: Knex): on is Knex.Transaction {
  return on.isTransaction === true
}

/** A transaction without a callback is ended by its own methods, and its promise tells how. */
async function endByHand(trx: Knex.Transaction, body: Body): Promise<unknown> {
  try {
    await body(trx)
  } catch (error) {
    await trx.rollback(error)
    return trx.executionPromise
  }
  await trx.commit()
  return trx.executionPromise
}
