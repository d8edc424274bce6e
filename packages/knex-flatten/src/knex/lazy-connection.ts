import type { Answer, Connection } from './internals.ts'

/**
 * Stands for the connection of a transaction that has not needed one yet. Knex carries it through everything as if it were one;
 * the wrapped client puts the real one in its place where something is sent.
 */
export class LazyConnection implements Connection {
  __knexTxId?: string
  __knexUid?: string
  readonly #begin: () => Promise<Connection>
  #ready: Promise<Connection> | undefined
  #real: Connection | undefined
  #closed = false

  /** @param begin - takes a connection from the pool and opens the transaction on it. */
  constructor(begin: () => Promise<Connection>) {
    this.#begin = begin
  }

  /** The connection in its place, once BEGIN was answered. */
  get real(): Connection | undefined {
    return this.#real
  }

  /** Whether a statement has asked for a connection. */
  get wanted(): boolean {
    return this.#ready !== undefined
  }

  async query(sql: string): Promise<Answer> {
    return (await this.ready()).query(sql)
  }

  /** The connection, with the transaction open on it. */
  ready(): Promise<Connection> {
    return (this.#ready ??= this.#begin())
  }

  /** Whether the transaction ended before there was a connection for it. */
  get closed(): boolean {
    return this.#closed
  }

  /** The transaction is over: a connection that comes only now is not for it. */
  close(): void {
    this.#closed = true
  }

  /** Takes the place of nothing: this is where it is from now on. */
  become(real: Connection): void {
    this.#real = real
    if (real.__knexUid !== undefined) this.__knexUid = real.__knexUid
    if (this.__knexTxId !== undefined) real.__knexTxId = this.__knexTxId
  }
}
