import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import type { Knex } from 'knex'
import { checkCausality, type ReadYourWritesOptions } from './causality.ts'
import { refuseUnlessFlattened } from '../knex/running-frame.ts'
import { HeldResponse } from './held-response.ts'
import { checkRequestOptions, type RequestTransactionOptions } from './options.ts'
import { RequestTransaction } from './request-transaction.ts'

export type { ReadYourWritesOptions } from './causality.ts'
export type { RequestTransactionOptions } from './options.ts'
export { transactionOf } from './request-transaction.ts'

/**
 * Runs everything behind it in one transaction per request, for Express 5. The answer is sent once COMMIT is answered: the first
 * byte that a handler sends ends the transaction, and is held back until then.
 *
 * A status from `rollbackFrom` (default 400) rolls back, so does a client that goes before. Where COMMIT fails, the error goes to
 * Express' error handlers in the place of the answer.
 *
 * Mount it behind what reads the body. Mounted twice for one instance, the first counts.
 *
 * @param db - what `flatten()` returned; with `ambient: true` queries on it join the request's transaction, otherwise use
 *   `transactionOf(db, req)`.
 * @throws TransactionOptionsError for a wrong option.
 *
 * @example
 * ```ts
 * const db = flatten(createKnex({ client: 'pg', connection }), { ambient: true, lazyBegin: true })
 * app.use(express.json(), transactionPerRequest(db))
 * app.post('/orders', async (req, res) => {
 *   res.status(201).json(await db('orders').insert(req.body).returning('*'))
 * })
 * app.use(rollbackOnError(db))
 * ```
 */
export function transactionPerRequest(
  db: Knex,
  options: RequestTransactionOptions<Request> = {},
): RequestHandler {
  refuseUnlessFlattened(db, 'transactionPerRequest(db)')
  const settings = checkRequestOptions(options, { rollbackFrom: 400 })
  return (req, res, next) => {
    if (settings.skip(req) || RequestTransaction.of(db, req)) {
      next()
      return
    }
    const config = settings.configFor(req.method, `${req.method} ${req.path}`)
    RequestTransaction.open(db, req, config, (transaction) => {
      new HeldResponse(res, transaction, settings, next)
      next()
    }).catch(next)
  }
}

/**
 * Rolls back the request's transaction for whatever is thrown before it, then passes the error on. Mount it behind the routes and
 * before your own error handlers; then an error rolls back whatever status it is answered with, and `rollbackFrom: 500` is safe.
 */
export function rollbackOnError(db: Knex): ErrorRequestHandler {
  refuseUnlessFlattened(db, 'rollbackOnError(db)')
  return (error, req, _res, next) => {
    const transaction = RequestTransaction.of(db, req)
    if (!transaction || transaction.over) {
      next(error)
      return
    }
    void transaction.rollback(error).then(() => next(error))
  }
}

/**
 * Runs everything behind it in a request scope, for Express 5: what a request reads shows what it has written, and what the same user has written in
 * requests before, which a cookie or a header tells.
 *
 * Mount it before `transactionPerRequest`.
 *
 * @param db - what `flatten()` or `route()` returned.
 * @throws TransactionOptionsError for a wrong option.
 *
 * @example
 * ```ts
 * app.use(readYourWrites(db, { secret: process.env.CAUSALITY_SECRET }))
 * ```
 */
export function readYourWrites(db: Knex, options: ReadYourWritesOptions<Request> = {}): RequestHandler {
  const { skip, open } = checkCausality(db, options)
  return (req, res, next) => {
    if (skip(req)) next()
    else open(req, res, () => next()).catch(next)
  }
}
