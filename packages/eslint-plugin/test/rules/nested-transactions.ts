/** A function body with a root, a transaction and what the fixtures export in sight. */
export const within = (body: string): string => `
import type { Knex } from 'knex'
import { Model, transaction, type TransactionOrKnex } from 'objection'
import { saveOrder, saveWithLines, saveGuarded, saveEither, readOrder, inContext, inDestructured, OrderRepository } from './services/orders.ts'
import * as orders from './services/orders.ts'
import { insertLines as persist, insertLinesWithin, first, second } from './services/lines.ts'
import saveByDefault from './services/lines.ts'
declare const knex: Knex
declare const trx: Knex.Transaction
declare const either: Knex | Knex.Transaction
class Order extends Model {}
${body}
`

/** A case without a report. */
export const silent = (name: string, body: string): { name: string; code: string } => ({
  name,
  code: within(body),
})

type MessageId = 'nested' | 'caught' | 'through' | 'batchInsert' | 'provider' | 'migrate'

/** A case with one report. */
export const flagged = (
  name: string,
  body: string,
  messageId: MessageId = 'nested',
): { name: string; code: string; errors: { messageId: MessageId }[] } => ({
  name,
  code: within(body),
  errors: [{ messageId }],
})
