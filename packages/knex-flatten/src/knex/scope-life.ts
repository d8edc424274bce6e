import { refuseForeignConnection } from './custody.ts'
import { endWith, refuseToOpen } from './ending.ts'
import type { Connection, KnexTransaction, KnexTransactionConfig } from './internals.ts'
import type { Acquire, Run } from './root-life.ts'
import { rootOn, stateOf } from './transaction-state.ts'

/** A scope from its turn to its end, on the connection of the root around it. */
export async function runScope(
  transaction: KnexTransaction,
  config: KnexTransactionConfig | undefined,
  callback: Run,
  acquire: Acquire,
): Promise<unknown> {
  const { outerTx } = transaction
  const state = stateOf(transaction)
  const { frame, siblings } = state
  let held: Connection | undefined
  try {
    refuseForeignConnection(frame, config?.connection)
    const refusal = refuseToOpen(frame)
    if (refusal) throw refusal
    await siblings?.turn(frame)
    return await acquire(config, (connection) => {
      held = connection
      return callback(connection)
    })
  } finally {
    endWith(state)
    // Knex forgets the outer transaction's id when an inner one ends; its `query` events would go without.
    if (outerTx && held && rootOn(held)?.root === frame.root) held.__knexTxId = outerTx.txid
  }
}
