import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import { causalityToken, requestScope } from 'knex-flatten/consistency'
import { connect, type RegionConfig } from './connect.ts'
import { closeDay, listOrders, order, orderAndShow, report, show } from './orders.ts'
import { watchRoutes } from './ran-on.ts'

/** A running service of one Region. */
export interface Service {
  readonly name: string
  readonly url: string
  stop(): Promise<void>
}

/** The same service in every Region. */
export async function startService(config: RegionConfig): Promise<Service> {
  const db = connect(config)
  const app = express()
  /** What is done in one sees what was written in it before, and what its client was told to have written elsewhere. */
  const inScope =
    (work: Work): Work =>
    (request, response) =>
      requestScope(
        db,
        async () => {
          const result = await work(request, response)
          const token = causalityToken(db)
          if (token) response.set('x-causality', token)
          return result
        },
        { token: request.get('x-causality') },
      )
  app.use(express.json())
  const routes: readonly (readonly ['get' | 'post', path: string, Work])[] = [
    ['get', '/orders', () => listOrders(db)],
    ['post', '/orders', inScope(({ body }) => order(db, body))],
    ['post', '/orders/show', ({ body }) => orderAndShow(db, body)],
    ['post', '/orders/show-own', inScope(({ body }) => orderAndShow(db, body))],
    ['get', '/orders/:id', inScope(({ params }) => show(db, Number(params['id'])))],
    ['get', '/report', () => report(db)],
    ['post', '/closing', () => closeDay(db)],
  ]
  for (const [method, path, work] of routes) app[method](path, answer(work))
  app.use((error: Error & { code?: string }, _req: Request, res: Response, _next: NextFunction) => {
    // Knex puts the statement in front of what was said.
    res.status(503).json({ reason: error.code ?? error.message.split(' - ').at(-1) })
  })
  const server = createServer((request, response) => app(request, response) as void).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    name: config.name,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await db.destroy()
    },
  }
}

/** A request's work: what it comes to is the answer. */
type Work = (request: Request, response: Response) => Promise<unknown>

/** Answers with what a request has come to, and in a header with where it ran. */
function answer(work: Work) {
  return async (request: Request, response: Response): Promise<void> => {
    const { result, ranOn } = await watchRoutes(() => work(request, response))
    response.set('x-ran-on', ranOn).json(result ?? null)
  }
}
