import type { Knex } from 'knex'
import { AfterCommitError, RequestRollbackError, TransactionOptionsError } from '../errors/errors.ts'
import type { KnexClient } from '../knex/internals.ts'
import { warn } from '../knex/log.ts'
import { rootBehind } from '../knex/running-frame.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'

/** How the promise that holds the transaction open is settled, and what comes of it. */
interface Held {
  readonly commit: () => void
  readonly rollback: (error: unknown) => void
  /** Settles once COMMIT or ROLLBACK is answered and the hooks behind it have run. */
  readonly outcome: () => Promise<unknown>
}

const open = new WeakMap<object, Map<Knex, RequestTransaction>>()

/** The transaction of one request: held open while the request is handled, and ended once. */
export class RequestTransaction {
  readonly trx: Knex.Transaction
  readonly #db: Knex
  readonly #root: RootTransaction
  readonly #held: Held
  #ended: { readonly answer: Promise<void>; readonly because: unknown } | undefined

  private constructor(db: Knex, trx: Knex.Transaction, held: Held) {
    this.#db = db
    this.trx = trx
    this.#root = rootBehind(trx)
    this.#held = held
  }

  /**
   * Calls `handle` inside a new transaction of the request's, which stays open until it is ended by its methods.
   *
   * @returns what `handle` returns, at once; rejected where the transaction cannot be opened.
   */
  static open<Result>(
    db: Knex,
    request: object,
    config: Knex.TransactionConfig,
    handle: (transaction: RequestTransaction) => Result,
  ): Promise<Awaited<Result>> {
    return new Promise((resolve, reject) => {
      const outcome: Promise<unknown> = db.transaction(
        (trx) =>
          new Promise<void>((commit, rollback) => {
            const transaction = new RequestTransaction(db, trx, { commit, rollback, outcome: () => outcome })
            const of = open.get(request) ?? new Map<Knex, RequestTransaction>()
            open.set(request, of.set(db, transaction))
            resolve(handle(transaction) as Awaited<Result>)
          }),
        config,
      )
      outcome.catch(reject)
    })
  }

  /** The transaction of a request, running or over; `undefined` where it has none. */
  static of(db: Knex, request: object): RequestTransaction | undefined {
    return open.get(request)?.get(db)
  }

  /** It is committed or rolled back, or about to be: what happens from now on is none of its business. */
  get over(): boolean {
    return this.#ended !== undefined
  }

  /** Settles once COMMIT or ROLLBACK, already on its way, is answered; never rejects. */
  get settled(): Promise<void> {
    return this.#ended?.answer.catch(ignore) ?? Promise.resolve()
  }

  /** Rows are being streamed out of it: until they are read, no COMMIT is answered. */
  get streamsRows(): boolean {
    return this.#root.rowStreams > 0
  }

  /**
   * Settles once COMMIT is answered, and the hooks behind it have run. Their failure is only logged: the request has done what it
   * was to do, and whoever sent it must not be told to send it again.
   *
   * @throws whatever kept the transaction from being committed.
   */
  async commit(): Promise<void> {
    if (!this.#ended) this.#end(undefined, this.#committed())
    const { because, answer } = this.#ended!
    await answer
    if (because !== undefined) throw because as Error
  }

  /** Settles once ROLLBACK is answered, or the connection lost. The first end counts. */
  rollback(error: unknown): Promise<void> {
    if (!this.#ended) {
      this.#held.rollback(error)
      // Nothing of it is stored, however ROLLBACK was answered.
      this.#end(error, this.#held.outcome().then(ignore, ignore))
    }
    return this.settled
  }

  /** Ends it as the status of the answer says. @throws as {@link commit} does. */
  async endWith(status: number, rollbackFrom: number): Promise<void> {
    if (status < rollbackFrom) return this.commit()
    await this.rollback(
      new RequestRollbackError(`The ${this.#root} was rolled back: its answer has status ${status}.`),
    )
  }

  /** Rolls it back while its request is still handled: what that still asks of it is refused, nothing runs outside of it. */
  abandon(why: string): void {
    if (this.over) return
    const error = new RequestRollbackError(`The ${this.#root} was rolled back: ${why}.`)
    this.#root.abandoned = error
    void this.rollback(error)
  }

  #end(because: unknown, answer: Promise<void>): void {
    this.#ended = { because, answer }
  }

  async #committed(): Promise<void> {
    this.#held.commit()
    try {
      await this.#held.outcome()
    } catch (error) {
      if (!(error instanceof AfterCommitError)) throw error
      warn(this.#db.client as KnexClient, error.message)
    }
  }
}

/**
 * The transaction that a request runs in, for whoever passes it on by hand; with `ambient` the instance itself will do.
 *
 * @param db - the instance that `transactionPerRequest` was given.
 * @param request - Express' and Fastify's `request`, Koa's `ctx`.
 * @throws TransactionOptionsError where the request runs without one.
 *
 * @example
 * ```ts
 * app.post('/orders', async (req, res) => {
 *   res.json(await placeOrder(transactionOf(db, req), req.body))
 * })
 * ```
 */
export function transactionOf(db: Knex, request: object): Knex.Transaction {
  const transaction = RequestTransaction.of(db, request)
  if (transaction) return transaction.trx
  throw new TransactionOptionsError(
    'transactionOf(db, request): this request has no transaction on this instance. Mount transactionPerRequest(db) before the ' +
      'route, and do not skip it; pass the request that the framework handed out (with Koa: ctx).',
  )
}

function ignore(): void {
  // Whoever asked for the rollback knows why.
}
