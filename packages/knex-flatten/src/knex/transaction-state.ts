import type { TransactionSettings } from '../options/transaction-settings.ts'
import type { RouteChoice } from '../routing/choice.ts'
import type { Frame } from '../transaction/frame.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import type { SiblingQueue } from '../transaction/sibling-queue.ts'
import type { Instance } from './instance.ts'
import type { Connection, KnexClient, KnexTransaction } from './internals.ts'
import type { LazyConnection } from './lazy-connection.ts'
import type { RequestSessions } from './request-sessions.ts'
import type { Taken } from './taken.ts'

/** What this library keeps for one of Knex's transactions, root or scope. */
export interface TransactionState {
  readonly frame: Frame
  readonly instance: Instance
  readonly settings: TransactionSettings
  /** Of a root of a routed instance: where it is to run. */
  readonly choice?: RouteChoice | undefined
  /** Of a root in a request scope: where its connection comes from. */
  readonly request?: RequestSessions | undefined
  /** Of a root: its connection, as this library has taken it. */
  taken?: Taken
  /** Of a root that has sent BEGIN: whether it has begun, once that is answered. */
  begun?: Promise<boolean>
  /** Where the scopes opened on this one wait for their turn, once there was one. */
  scopes?: SiblingQueue
  /** Where this one waits, if it is a scope. */
  readonly siblings: SiblingQueue | undefined
  /** The roots that wait while this one, which is to be another beside them, gets a connection. */
  readonly suspends?: ReadonlySet<RootTransaction> | undefined
  /** Where its callback may have forgotten to end it: it has not. */
  stopHeeding?: () => void
  /** How it was ended, once; what comes later is answered from here. */
  end?: TransactionEnd
}

interface TransactionEnd {
  readonly how: 'commit' | 'rollback'
  /** What `rollback(error)` was given. */
  readonly error: unknown
  readonly answer: Promise<unknown>
  settled: boolean
}

/** What is known of a connection while a root is on it. */
export interface OpenRoot {
  readonly root: RootTransaction
  readonly connection: Connection
  /** Where BEGIN waits for the first statement. */
  readonly lazy?: LazyConnection | undefined
  /** Which statement of the transaction's own Knex is about to send. */
  control?: Control | undefined
  /** False while the server may still hold the transaction: such a connection must not go back into the pool. */
  closed: boolean
  /** Why BEGIN failed; Knex itself would run the callback all the same. */
  beginError?: unknown
  /** Why COMMIT failed; Knex itself would only tell the promise of the transaction. */
  commitError?: unknown
  /** What the transaction is to be rejected with once its COMMIT or ROLLBACK, already on its way, is answered. */
  late?: { readonly error: unknown }
  /** How many statements the driver was given, which may be on the wire. */
  handedOver: number
  /** Why the reader does not show what was committed. */
  notVisible?: Error
  /** Tells who waits for the hooks that they have run. */
  hooksDone?: (error: Error | undefined) => void
}

/** A statement of the transaction's own. */
export type Control = 'begin' | 'commit' | 'rollback' | 'savepoint'

// Properties under symbols of our own, not WeakMaps: a transaction is looked up a dozen times, and each entry of a WeakMap costs the
// garbage collector dear. Knex copies no symbols, so that no copy of a client is taken for the client.
const STATE = Symbol('knex-flatten: state')
const TRANSACTION = Symbol('knex-flatten: transaction')
const ROOT = Symbol('knex-flatten: open root')

type Marked<Thing, Mark extends symbol, Value> = Thing & { [mark in Mark]?: Value }

export function remember(transaction: KnexTransaction, state: TransactionState): void {
  ;(transaction as Marked<KnexTransaction, typeof STATE, TransactionState>)[STATE] = state
  ;(state.frame as Marked<Frame, typeof TRANSACTION, KnexTransaction>)[TRANSACTION] = transaction
}

/** False for a transaction that was opened before its instance was wrapped. */
export function isKnown(transaction: KnexTransaction): boolean {
  return (transaction as Marked<KnexTransaction, typeof STATE, TransactionState>)[STATE] !== undefined
}

export function stateOf(transaction: KnexTransaction): TransactionState {
  const state = (transaction as Marked<KnexTransaction, typeof STATE, TransactionState>)[STATE]
  if (!state) throw new Error('knex-flatten: a transaction without state; please report how it was opened.')
  return state
}

/** Knex's transaction behind a root or scope. */
export function transactionBehind(frame: Frame): KnexTransaction | undefined {
  return (frame as Marked<Frame, typeof TRANSACTION, KnexTransaction>)[TRANSACTION]
}

export function rememberClient(transaction: KnexTransaction): void {
  ;(transaction.trxClient as Marked<KnexClient, typeof TRANSACTION, KnexTransaction>)[TRANSACTION] =
    transaction
}

/** The transaction whose statements go through this client; none for the client of the instance itself. */
export function transactionOfClient(client: KnexClient): KnexTransaction | undefined {
  return (client as Marked<KnexClient, typeof TRANSACTION, KnexTransaction>)[TRANSACTION]
}

export function rememberRoot(open: OpenRoot, connection: Connection = open.connection): void {
  ;(connection as Marked<Connection, typeof ROOT, OpenRoot>)[ROOT] = open
}

export function forgetRoot(connection: Connection): void {
  ;(connection as Marked<Connection, typeof ROOT, OpenRoot | undefined>)[ROOT] = undefined
}

/** The root that is open on this connection. */
export function rootOn(connection: Connection): OpenRoot | undefined {
  return (connection as Marked<Connection, typeof ROOT, OpenRoot>)[ROOT]
}

/** The root or scope whose client sends a statement on the root's connection. */
export function frameOf(client: KnexClient, open: OpenRoot): Frame {
  const transaction = transactionOfClient(client)
  return transaction ? stateOf(transaction).frame : open.root
}
