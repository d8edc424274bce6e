import type { RouteChoice } from '../routing/choice.ts'

/**
 * The parts of Knex that are not in its types and that this folder, and no other, relies on.
 * Checked against 3.1.0, 3.2.10 and 3.3.0.
 */

/** A `pg` client out of Knex's pool, with the marks Knex leaves on it. */
export interface Connection {
  /** Knex's id of the innermost transaction on it; goes into the `query` event. */
  __knexTxId?: string
  /** What the driver was told to connect to. */
  readonly host?: string
  readonly port?: number
  __knexUid?: string
  /** Set, it makes the pool destroy the connection instead of lending it again. */
  __knex__disposed?: unknown
  /** `I`, `T` or `E`; from pg 8.21 on. */
  getTransactionStatus?: () => string | null
  /** The driver's own, past Knex and its events. */
  query(sql: string): Promise<Answer>
  listenerCount?(event: string): number
  on?(event: 'error', listener: (error: unknown) => void): unknown
}

/** The driver's answer to a statement. */
export interface Answer {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

/** What a builder hands to `client.query`; the transaction's own statements come as plain texts instead. */
export interface QueryObject {
  readonly sql: string
  readonly bindings?: readonly unknown[]
  /** Where it runs, of several pools, and why; Knex's events tell it. */
  route?: RouteChoice | undefined
  readonly response?: {
    readonly command?: string
    readonly rows?: readonly Readonly<Record<string, unknown>>[]
  }
}

/** The stream Knex hands to the user, as far as it concerns us. */
export interface Destroyable {
  destroy(error: Error): unknown
  once(event: 'close', listener: () => void): unknown
  emit(event: string, ...details: unknown[]): boolean
}

export type Container = (transactor: unknown) => unknown

export interface KnexTransactionConfig {
  readonly connection?: Connection
  readonly userParams?: object
  readonly [option: string]: unknown
}

/** A query, schema or raw builder. */
export interface Builder {
  /** Set by `.connection()`: it runs there, and nowhere else. */
  readonly _connection?: Connection
  /** Of a query builder: `select`, `insert`, and so on. */
  readonly _method?: string
  toSQL(): QueryObject | QueryObject[]
  listenerCount?(event: string): number
}

export interface Runner {
  /** Where it runs; set, no other is taken. */
  connection?: Connection
  ensureConnection(...args: unknown[]): Promise<unknown>
  /** Runs one of the statements that its builder comes to. */
  query(statement: QueryObject): Promise<unknown>
}

export interface KnexClient {
  readonly dialect: string
  readonly driverName: string
  readonly transacting?: boolean
  readonly config: {
    readonly acquireConnectionTimeout?: number
    /** A pool that Knex was handed, from 3.3 on: one like its own, or the driver's. */
    readonly connectionPool?: {
      readonly options?: { readonly max?: number }
      readonly totalCount?: number
      readonly idleCount?: number
      readonly waitingCount?: number
    }
  }
  transaction(
    container: Container,
    config?: KnexTransactionConfig,
    outerTx?: KnexTransaction | null,
  ): KnexTransaction
  destroyRawConnection(connection: Connection): Promise<unknown>
  query(connection: Connection, statement: string | QueryObject): Promise<QueryObject>
  stream(
    connection: Connection,
    statement: QueryObject,
    stream: Destroyable,
    options: unknown,
  ): Promise<unknown>
  /** What runs a builder, made when it is awaited or streamed. */
  runner(builder: Builder): Runner
  queryBuilder(): Builder
  raw(...args: unknown[]): Builder
  cancelQuery(connection: Connection): Promise<unknown>
  acquireConnection(): Promise<Connection>
  releaseConnection(connection: Connection): Promise<unknown>
  destroy(callback?: (error?: unknown) => void): Promise<void>
  readonly pool?: {
    readonly max?: number
    numUsed?(): number
    numFree?(): number
    numPendingAcquires?(): number
  }
  readonly logger: { warn(message: string): void }
  _query(connection: Connection, statement: QueryObject): Promise<QueryObject>
  _stream(
    connection: Connection,
    statement: QueryObject,
    stream: Destroyable,
    options: unknown,
  ): Promise<unknown>
}

/** Knex's `Transaction`: the thenable behind a transactor, not the transactor itself. */
export interface KnexTransaction extends PromiseLike<unknown> {
  readonly txid: string
  /** The client it was opened on: of the instance, or of the transaction around it. */
  readonly client: KnexClient
  readonly outerTx: KnexTransaction | null
  readonly trxClient: KnexClient
  /** What Knex lets the next scope opened on it wait for. */
  _lastChild: Promise<unknown>
  readonly userParams: object
  readonly isolationLevel?: string
  readonly readOnly?: boolean
  _completed: boolean
  /** Itself, or what is around it. */
  isCompleted(): boolean
  _resolver(value?: unknown): void
  _rejecter(error: unknown): void
  on(event: string, listener: (...details: unknown[]) => void): unknown
  emit(event: string, ...details: unknown[]): unknown
  acquireConnection(
    config: KnexTransactionConfig | undefined,
    callback: (connection: Connection) => Promise<unknown>,
  ): Promise<unknown>
  begin(connection: Connection): Promise<unknown>
  savepoint(connection: Connection): Promise<unknown>
  commit(connection: Connection, value?: unknown): Promise<unknown>
  release(connection: Connection, value?: unknown): Promise<unknown>
  rollback(connection: Connection, error?: unknown): Promise<unknown>
  rollbackTo(connection: Connection, error?: unknown): Promise<unknown>
  /** Sends, marks completed, and settles the user's promise: status 1 resolves with `value`, 2 rejects with it. */
  query(connection: Connection, sql: string, status?: 1 | 2, value?: unknown): Promise<unknown>
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a class to derive from, whatever it is built with
export type ClassOf<Instance> = new (...args: any[]) => Instance
