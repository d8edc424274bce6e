import { PoolStarvationError } from 'knex-flatten'
import { expect, it } from 'vitest'
import type { KnexClient } from '../src/knex/internals.ts'
import { waitForConnection } from '../src/knex/starvation.ts'
import type { TransactionState } from '../src/knex/transaction-state.ts'
import { CallSite } from '../src/transaction/call-site.ts'
import { RootTransaction } from '../src/transaction/root-transaction.ts'

const site = new CallSite(() => undefined)
const client = { pool: { max: 2 } } as unknown as KnexClient

it('counts a root among those who wait as long as one of several inside it waits', () => {
  const instance = { knex: {}, waitingForConnection: new Map<RootTransaction, number>() }
  const root = () => Object.assign(new RootTransaction(instance, {}, site), { onConnection: true })
  const inside = (around: RootTransaction) =>
    waitForConnection(
      { frame: root(), instance, suspends: new Set([around]) } as unknown as TransactionState,
      client,
    )
  const [one, two] = [root(), root()]
  const [first, second] = [inside(one), inside(one)]
  first()
  first()
  expect(() => inside(two)).toThrow(PoolStarvationError)
  second()
  expect(instance.waitingForConnection.size).toBe(0)
  inside(two)()
})
