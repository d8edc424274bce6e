import express, { type NextFunction, type Request, type Response } from 'express'
import type { FlattenOptions } from 'knex-flatten'
import { rollbackOnError, transactionPerRequest } from 'knex-flatten/express'
import type { TestDatabase } from '../../../../test/setup/database.ts'
import { listen } from './listen.ts'
import { type Routes, routes } from './requests.ts'

type Handle = (req: Request, res: Response) => unknown

type Options = Parameters<typeof transactionPerRequest>[1] & {
  /** Whether `rollbackOnError` is mounted; default true. */
  readonly onError?: boolean
  readonly flatten?: FlattenOptions
  /** The database's URL; default the primary's. */
  readonly url?: string
}

/** A server whose only handler is `handle`, run in one transaction per request. */
export async function serveExpress(
  database: TestDatabase,
  handle: (its: Routes) => Handle,
  { onError = true, flatten, url, ...options }: Options = {},
): Promise<Routes & { readonly url: string }> {
  const its = routes(database, flatten, url === undefined ? {} : { url })
  const app = express()
  app.use((_req, res, next) => {
    res.setHeader('x-before', 'kept')
    next()
  })
  app.use(transactionPerRequest(its.db, options))
  app.use((req: Request, res: Response, next: NextFunction) => {
    Promise.resolve(handle(its)(req, res)).catch(next)
  })
  if (onError) app.use(rollbackOnError(its.db))
  app.use((error: any, _req: Request, res: Response, next: NextFunction) => {
    its.errors.push(error)
    if (res.headersSent) next(error)
    else res.status(error.status ?? 500).json({ told: error.code ?? error.message })
  })
  return { ...its, url: await listen(app) }
}
