import type { Context, Middleware, Next } from 'koa'
import type { Knex } from 'knex'
import { checkCausality, type ReadYourWritesOptions } from './causality.ts'
import { refuseUnlessFlattened } from '../knex/running-frame.ts'
import {
  checkRequestOptions,
  type RequestTransactionOptions,
  type RequestTransactionSettings,
} from './options.ts'
import { RequestTransaction } from './request-transaction.ts'
import { heldBody } from './row-body.ts'

export type { ReadYourWritesOptions } from './causality.ts'
export type { RequestTransactionOptions } from './options.ts'
export { transactionOf } from './request-transaction.ts'

/**
 * Runs everything behind it in one transaction per request, for Koa 3. It is committed once the middleware behind has returned,
 * before Koa sends the answer.
 *
 * What is thrown rolls back, whatever status it is answered with; so does a status from `rollbackFrom` (default 500), and a client
 * that goes before. Where COMMIT fails, the error is thrown to the middleware before it.
 *
 * Mount it behind what reads the body. Mounted twice for one instance, the first counts.
 *
 * @param db - what `flatten()` returned; with `ambient: true` queries on it join the request's transaction, otherwise use
 *   `transactionOf(db, ctx)`.
 * @throws TransactionOptionsError for a wrong option.
 *
 * @example
 * ```ts
 * const db = flatten(createKnex({ client: 'pg', connection }), { ambient: true, lazyBegin: true })
 * app.use(transactionPerRequest(db))
 * app.use(async (ctx) => {
 *   ctx.body = await db('orders').insert({ total: 7 }).returning('*')
 * })
 * ```
 */
export function transactionPerRequest(
  db: Knex,
  options: RequestTransactionOptions<Context> = {},
): Middleware {
  refuseUnlessFlattened(db, 'transactionPerRequest(db)')
  const settings = checkRequestOptions(options, { rollbackFrom: 500 })
  return async (ctx, next) => {
    if (settings.skip(ctx) || RequestTransaction.of(db, ctx)) return next() as Promise<unknown>
    const config = settings.configFor(ctx.method, `${ctx.method} ${ctx.path}`)
    await RequestTransaction.open(db, ctx, config, (transaction) => {
      ctx.res.once('close', () => transaction.abandon('the client is gone'))
      return handle(ctx, next, transaction, settings)
    })
  }
}

/**
 * Runs everything behind it in a request scope, for Koa 3: what a request reads shows what it has written, and what the same user has written in
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
export function readYourWrites(db: Knex, options: ReadYourWritesOptions<Context> = {}): Middleware {
  const { skip, open } = checkCausality(db, options)
  return (ctx, next) => (skip(ctx) ? next() : open(ctx.req, ctx.res, next)) as Promise<unknown>
}

async function handle(
  ctx: Context,
  next: Next,
  transaction: RequestTransaction,
  { rollbackFrom, maxHeldBytes }: RequestTransactionSettings<Context>,
): Promise<void> {
  try {
    await next()
    const held = await heldBody(transaction, ctx.body, maxHeldBytes)
    if (held !== ctx.body) ctx.body = held
    await transaction.endWith(ctx.status, rollbackFrom)
  } catch (error) {
    await transaction.rollback(error)
    // Past Koa, something was sent already: let the client see that there is no more to come.
    if (ctx.headerSent) ctx.res.destroy()
    throw error
  }
}
