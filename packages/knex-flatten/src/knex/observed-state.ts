import type { Shadow } from '../observe/shadow.ts'
import type { Frame } from '../transaction/frame.ts'
import type { Connection, KnexClient, KnexTransaction } from './internals.ts'
import { transactionOfClient } from './transaction-state.ts'

/** What is kept for one of Knex's transactions that is only observed. */
export interface Watch {
  readonly frame: Frame
  readonly shadow: Shadow
  /** From then on it is Knex that ends the transaction, not the application. */
  callbackReturned: boolean
  /** BEGIN or SAVEPOINT was refused: what is done with it is done to nothing. */
  dead: boolean
  end?: ObservedEnd
  /** Ends the wait behind a sibling. */
  stopWaiting?: () => void
}

/** How a transaction was ended first. */
export interface ObservedEnd {
  readonly how: 'commit' | 'rollback'
  readonly error: unknown
  /** Knex has heard of the end; what comes later changes nothing any more. */
  settled: boolean
}

const watches = new WeakMap<KnexTransaction, Watch>()
const shadows = new WeakMap<Connection, Shadow>()

export function rememberWatch(transaction: KnexTransaction, watch: Watch): void {
  watches.set(transaction, watch)
}

/** False for a transaction that was opened before its instance was wrapped. */
export function isWatched(transaction: KnexTransaction): boolean {
  return watches.has(transaction)
}

export function watchOf(transaction: KnexTransaction): Watch {
  return watches.get(transaction)!
}

/** The root that is open on a connection. */
export function shadowOn(connection: Connection): Shadow | undefined {
  return shadows.get(connection)
}

/** @returns what puts back who was there before: Knex lets two roots share one connection. */
export function castShadow(connection: Connection, shadow: Shadow): () => void {
  const before = shadows.get(connection)
  shadows.set(connection, shadow)
  return () => {
    if (before) shadows.set(connection, before)
    else shadows.delete(connection)
  }
}

/** The root or scope whose client sends a statement on the root's connection. */
export function watchedFrame(client: KnexClient, { root }: Shadow): Frame {
  const transaction = transactionOfClient(client)
  return transaction ? watchOf(transaction).frame : root
}
