import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import { connect, type RegionConfig } from './connect.ts'
import { closeDay, listOrders, order, orderAndShow, report } from './orders.ts'
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
  app.use(express.json())
  app.get(
    '/orders',
    answer(() => listOrders(db)),
  )
  app.post(
    '/orders',
    answer(({ body }) => order(db, body)),
  )
  app.post(
    '/orders/show',
    answer(({ body }) => orderAndShow(db, body)),
  )
  app.get(
    '/report',
    answer(() => report(db)),
  )
  app.post(
    '/closing',
    answer(() => closeDay(db)),
  )
  app.use((error: Error & { code?: string }, _req: Request, res: Response, _next: NextFunction) => {
    res.status(503).json({ reason: error.code ?? error.message })
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

/** Answers with what a request has come to, and in a header with where it ran. */
function answer(work: (request: Request) => Promise<unknown>) {
  return async (request: Request, response: Response): Promise<void> => {
    const { result, ranOn } = await watchRoutes(() => work(request))
    response.set('x-ran-on', ranOn).json(result ?? null)
  }
}
