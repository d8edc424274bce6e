import { AsyncResource } from 'node:async_hooks'
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest, RouteOptions } from 'fastify'
import type { Knex } from 'knex'
import { checkCausality, type ReadYourWritesOptions } from './causality.ts'
import { refuseUnlessFlattened } from '../knex/running-frame.ts'
import { checkRequestOptions, type RequestTransactionOptions } from './options.ts'
import { RequestTransaction } from './request-transaction.ts'
import { heldBody } from './row-body.ts'

export type { ReadYourWritesOptions } from './causality.ts'
export type { RequestTransactionOptions } from './options.ts'
export { transactionOf } from './request-transaction.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `false` lets the route run without a transaction of the request's. Default true. */
    transaction?: boolean
  }
}

/**
 * A plugin that runs each request's handler in one transaction, for Fastify 5. It is opened as the first `preHandler`, once the body
 * is read and valid, and committed before the answer is sent.
 *
 * What is thrown rolls back, whatever status it is answered with; so does a status from `rollbackFrom` (default 500), and a client
 * that goes before. Where COMMIT fails, the error goes to the route's error handler. A route opts out by
 * `{ config: { transaction: false } }`.
 *
 * It concerns the routes that are added after it, in the same context and below, and not what answers unknown URLs.
 *
 * @param db - what `flatten()` returned; with `ambient: true` queries on it join the request's transaction, otherwise use
 *   `transactionOf(db, request)`.
 * @throws TransactionOptionsError for a wrong option.
 *
 * @example
 * ```ts
 * const db = flatten(createKnex({ client: 'pg', connection }), { ambient: true, lazyBegin: true })
 * await app.register(transactionPerRequest(db))
 * app.post('/orders', async (request) => db('orders').insert(request.body).returning('*'))
 * ```
 */
export function transactionPerRequest(
  db: Knex,
  options: RequestTransactionOptions<FastifyRequest> = {},
): FastifyPluginCallback {
  refuseUnlessFlattened(db, 'transactionPerRequest(db)')
  const { skip, configFor, rollbackFrom, maxHeldBytes } = checkRequestOptions(options, { rollbackFrom: 500 })
  const plugin: FastifyPluginCallback = (app, _options, ready) => {
    app.addHook('onRoute', (route) => rollBackOnError(db, route))
    app.addHook('preHandler', (request, reply, done) => {
      const { config, url = '' } = request.routeOptions
      // What a handler for unknown URLs throws is told to no route.
      const optsOut = request.is404 || config.transaction === false || skip(request)
      if (optsOut || RequestTransaction.of(db, request)) {
        done()
        return
      }
      RequestTransaction.open(
        db,
        request,
        configFor(request.method, `${request.method} ${url}`),
        (transaction) => {
          reply.raw.once('close', () => transaction.abandon('the client is gone'))
          done()
        },
      ).catch(done)
    })
    app.addHook('onSend', async (request, reply, payload) => {
      const transaction = RequestTransaction.of(db, request)
      if (!transaction) return payload
      if (transaction.over) {
        // It was rolled back for what this answer tells of.
        await transaction.settled
        return payload
      }
      try {
        const held = await heldBody(transaction, payload, maxHeldBytes)
        await transaction.endWith(reply.statusCode, rollbackFrom)
        return held
      } catch (error) {
        await transaction.rollback(error)
        throw error
      }
    })
    ready()
  }
  return forRoutesBeside(plugin)
}

/**
 * A plugin that runs each request in a request scope, for Fastify 5: what it reads shows what it has written, and what the same user has written in
 * requests before, which a cookie or a header tells.
 *
 * Register it before `transactionPerRequest`.
 *
 * @param db - what `flatten()` or `route()` returned.
 * @throws TransactionOptionsError for a wrong option.
 *
 * @example
 * ```ts
 * await app.register(readYourWrites(db, { secret: process.env.CAUSALITY_SECRET }))
 * ```
 */
export function readYourWrites(
  db: Knex,
  options: ReadYourWritesOptions<FastifyRequest> = {},
): FastifyPluginCallback {
  const { skip, open } = checkCausality(db, options)
  const scopes = new WeakMap<FastifyRequest, AsyncResource>()
  const plugin: FastifyPluginCallback = (app, _options, ready) => {
    app.addHook('onRequest', (request, reply, done) => {
      if (skip(request)) {
        done()
        return
      }
      open(request.raw, reply.raw, () => {
        scopes.set(request, new AsyncResource('knex-flatten'))
        done()
      }).catch(done)
    })
    // Behind a body it is the socket that goes on.
    app.addHook('preValidation', (request, _reply, done) => {
      const scope = scopes.get(request)
      if (scope) scope.runInAsyncScope(done)
      else done()
    })
    ready()
  }
  return forRoutesBeside(plugin)
}

/** Fastify's own sign that hooks are to hold for the routes beside the plugin, not only for those in it. */
function forRoutesBeside(plugin: FastifyPluginCallback): FastifyPluginCallback {
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'knex-flatten',
  })
}

/** The error handler of a route hears of everything that is thrown in it, before whoever turns it into an answer. */
function rollBackOnError(db: Knex, route: RouteOptions): void {
  type ErrorHandler = NonNullable<RouteOptions['errorHandler']>
  // It may be asynchronous, and Fastify waits for it, whatever its type says.
  const own = route.errorHandler as ((...args: Parameters<ErrorHandler>) => unknown) | undefined
  const handle: (...args: Parameters<ErrorHandler>) => unknown = function (
    this: FastifyInstance,
    ...[error, request, reply]
  ) {
    // The answer waits for it, in `onSend`.
    void RequestTransaction.of(db, request)?.rollback(error)
    if (!own) throw error
    return own.call(this, error, request, reply)
  }
  route.errorHandler = handle
}
