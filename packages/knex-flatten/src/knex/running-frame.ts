import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import type { Frame } from '../transaction/frame.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import type { Instance } from './instance.ts'
import type { KnexClient, KnexTransaction } from './internals.ts'
import { patienceOf } from './handed-pool.ts'
import { ambientTransaction } from './opening.ts'
import { isKnown, stateOf, transactionOfClient } from './transaction-state.ts'
import { instanceOf } from './wrap.ts'

/**
 * The root or scope behind a handle that has not ended, and how long its instance waits for a connection, milliseconds.
 *
 * @throws TransactionOptionsError naming the function that asks
 */
export function runningFrame(trx: Knex, asking: string): { frame: Frame; patienceMs: number } {
  const { client, frame } = frameBehind(trx, asking)
  if (frame.ended || frame.endedAround) {
    throw new TransactionOptionsError(`${asking}(trx, …): the ${frame} has ended already. Call it before.`)
  }
  return { frame, patienceMs: patienceOf(client) }
}

/** The root or scope behind a handle, ended or not. @throws TransactionOptionsError naming the function that asks */
function frameBehind(trx: Knex, asking: string): { frame: Frame; client: KnexClient } {
  const client = (trx as { client?: KnexClient } | null | undefined)?.client
  const transaction = client && transactionBehind(client)
  // One that is only observed has no state of ours.
  if (!transaction || !isKnown(transaction)) {
    throw new TransactionOptionsError(
      `${asking}(trx, …): this is not inside a transaction of a flattened instance. Pass the trx that the callback was handed; ` +
        'the instance itself will do inside one with flatten(knex, { ambient: true }).',
    )
  }
  return { frame: stateOf(transaction).frame, client: transaction.client }
}

function transactionBehind(client: KnexClient): KnexTransaction | undefined {
  const own = transactionOfClient(client)
  if (own) return own
  const instance = instanceOf(client)
  return instance && ambientTransaction(instance)
}

/** The root behind a handle, ended or not. @throws TransactionOptionsError naming the function that asks */
export function rootOf(trx: Knex, asking: string): RootTransaction {
  return frameBehind(trx, asking).frame.root
}

/** The root behind a handle that has not ended. */
export function rootBehind(trx: Knex): RootTransaction {
  return runningFrame(trx, 'transactionPerRequest').frame.root
}

/** @throws TransactionOptionsError for what is no wrapped instance, or a transaction of one */
export function refuseUnlessFlattened(db: unknown, where: string): void {
  const { client, isTransaction } = (db ?? {}) as { client?: KnexClient; isTransaction?: boolean }
  if (client && !isTransaction && instanceOf(client)) return
  throw new TransactionOptionsError(`${where}: db must be what flatten(knex) returned.`)
}

/** @throws TransactionOptionsError for what is no flattened instance: one that is only observed, or a transaction */
export function flattenedInstance(db: unknown, where: string): Instance {
  refuseUnlessFlattened(db, where)
  const instance = instanceOf((db as { client: KnexClient }).client)!
  if (!instance.observed) return instance
  throw new TransactionOptionsError(
    `${where}: db is only observed ({ nested: 'observe' }). Let the instance of your tests flatten.`,
  )
}
