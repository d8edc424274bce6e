import { PassThrough, Readable } from 'node:stream'
import createFastify, { type FastifyReply, type FastifyRequest, type RouteShorthandOptions } from 'fastify'
import { RequestRollbackError } from 'knex-flatten'
import { transactionOf, transactionPerRequest } from 'knex-flatten/fastify'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { idsIn, pidOf, useItems } from '../items.ts'
import { startRequest } from './listen.ts'
import { heldWhileCommitWaits, type Routes, routes, work } from './requests.ts'

describe('one transaction per request in Fastify', () => {
  const database = useItems()
  beforeEach(() => database.rows('delete from orders; delete from items'))

  type Options = Parameters<typeof transactionPerRequest>[1] & {
    flatten?: object
    url?: string
    route?: RouteShorthandOptions
    ownHandler?: boolean
  }

  async function serve(
    handle: (its: Routes) => (request: FastifyRequest, reply: FastifyReply) => unknown,
    { flatten, url, route = {}, ownHandler = false, ...options }: Options = {},
  ) {
    const its = routes(database, flatten, url === undefined ? {} : { url })
    const app = createFastify()
    await app.register(transactionPerRequest(its.db, options))
    if (ownHandler) {
      app.setErrorHandler(async (error: any, _request, reply) => {
        its.errors.push(error)
        return reply.status(error.statusCode ?? 500).send({ told: error.code ?? error.message })
      })
    }
    const handler = async (request: FastifyRequest, reply: FastifyReply) => handle(its)(request, reply)
    app.get('/', route, handler)
    app.get('/ping', () => 'pong')
    app.post('/', route, handler)
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    afterAll(async () => {
      app.server.closeAllConnections()
      await app.close()
    })
    return { ...its, url: address }
  }

  it('commits before the answer is sent', async () => {
    const { url, db } = await serve((its) => async () => {
      await work.insertOrder(its, 1)
      return 'paid'
    })
    await heldWhileCommitWaits(database, db, url)
  })

  it('runs queries of the instance and nested transactions on one connection, with transactionOf as its handle', async () => {
    const { url } = await serve(({ db }) => async (request) => {
      const trx = transactionOf(db, request)
      return new Set([await pidOf(db), await pidOf(trx), await db.transaction(pidOf)]).size.toString()
    })
    expect(await (await fetch(url)).text()).toBe('1')
  })

  it.each([
    [503, {}, []],
    [409, {}, [1]],
    [409, { rollbackFrom: 400 }, []],
    [200, {}, [1]],
  ] as const)('ends by the status of the answer: %i with %o', async (status, options, kept) => {
    const { url } = await serve(
      (its) => async (_request, reply) => {
        await work.insert(its, 1)
        return reply.status(status).send('mine')
      },
      options,
    )
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([status, 'mine'])
    expect(await idsIn(database)).toEqual(kept)
  })

  const tooLate = Object.assign(new Error('too late'), { statusCode: 409 })
  it.each([
    ['Fastify', {}],
    ["the application's error handler", { ownHandler: true }],
    [
      "the route's error handler",
      {
        route: {
          errorHandler: (error: Error, _request: unknown, reply: FastifyReply) =>
            void reply.status(409).send({ told: error.message }),
        },
      },
    ],
  ])('rolls back what was thrown, where %s answers it', async (_who, options) => {
    const { url, outcomes, errors } = await serve(
      (its) => async () => {
        await work.insert(its, 1)
        throw tooLate
      },
      options,
    )
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([409, expect.stringContaining('too late')])
    expect(errors).toHaveLength('ownHandler' in options ? 1 : 0)
    expect([outcomes, await idsIn(database)]).toEqual([['rolled-back'], []])
  })

  it('hands what COMMIT is refused with to the error handler', async () => {
    const { url, errors } = await serve(
      (its) => async (_request, reply) => {
        await work.failAtCommit(its, 1)
        return reply.status(201).send({ paid: true })
      },
      { ownHandler: true },
    )
    const answer = await fetch(url)
    expect([answer.status, await answer.json()]).toEqual([500, { told: '23503' }])
    expect(errors).toHaveLength(1)
    expect(await idsIn(database)).toEqual([])
  })

  it('gives the answer of a committed request whose hook has failed', async () => {
    const { url, logged } = await serve((its) => async () => {
      await work.failBehindCommit(its, 1)
      return 'paid'
    })
    expect(await (await fetch(url)).text()).toBe('paid')
    expect(logged).toEqual([expect.stringContaining('the mailer is down')])
  })

  it('answers with the error where there is no connection to be had', async () => {
    const { url, db } = await serve(() => () => 'never')
    await db.destroy()
    expect((await fetch(url)).status).toBe(500)
    db.initialize()
  })

  it.each([
    ['its config', { route: { config: { transaction: false } } }],
    ['skip', { skip: () => true }],
  ])('leaves a route without a transaction that opts out by %s', async (_how, options) => {
    const { url, received } = await serve(
      ({ db }) =>
        async (request, reply) => {
          expect(() => transactionOf(db, request)).toThrow(/has no transaction on this instance/)
          await db('items').insert({ id: 1 })
          return reply.status(500).send('kept all the same')
        },
      options,
    )
    expect(await (await fetch(url)).text()).toBe('kept all the same')
    expect(await received()).toEqual(['insert into "items" ("id") values ($1)'])
  })

  it('counts once where it is registered twice', async () => {
    const its = routes(database, { ambient: false })
    const app = createFastify()
    await app.register(transactionPerRequest(its.db))
    await app.register(transactionPerRequest(its.db))
    app.get('/', (request) => transactionOf(its.db, request)('items').insert({ id: 1 }).returning('id'))
    expect((await app.inject('/')).json()).toEqual([{ id: 1 }])
    expect(await its.received()).toEqual(['BEGIN;', expect.stringContaining('insert'), 'COMMIT;'])
    await app.close()
  })

  it('leaves what no route is for without a transaction', async () => {
    const its = routes(database)
    const app = createFastify()
    await app.register(transactionPerRequest(its.db))
    app.setNotFoundHandler(async (request, reply) => {
      expect(() => transactionOf(its.db, request)).toThrow(/has no transaction on this instance/)
      return reply.status(404).send('nothing here')
    })
    expect((await app.inject('/nowhere')).body).toBe('nothing here')
    expect(await its.received()).toEqual([])
    await app.close()
  })

  it('lets a request only read by its method, and another write', async () => {
    const { url } = await serve(
      (its) => async () => {
        await work.insert(its, 1)
        return 'written'
      },
      { readOnlyMethods: ['GET', 'HEAD'] },
    )
    expect((await fetch(url)).status).toBe(500)
    expect((await fetch(url, { method: 'POST' })).status).toBe(200)
    expect(await idsIn(database)).toEqual([1])
  })

  it('lets a stream flow once it is committed', async () => {
    const { url, outcomes } = await serve((its) => async () => {
      await work.insert(its, 1)
      return Readable.from(
        (async function* () {
          while (outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
          yield outcomes[0]
        })(),
        { objectMode: false },
      )
    })
    expect(await (await fetch(url)).text()).toBe('committed')
  })

  const rows = ({ db }: Routes, count: number): Readable =>
    db
      .select(db.raw(`n, repeat('x', 1000) as x from generate_series(1, ${count}) as n`))
      .stream()
      .map((row: { n: number; x: string }) => `${row.n} ${row.x}\n`)
      .pipe(new PassThrough())

  it('holds back rows that are streamed out of the transaction, and commits behind them', async () => {
    const { url, outcomes } = await serve((its) => async (_request, reply) => {
      await work.insert(its, 1)
      return reply.type('text/csv').send(rows(its, 500))
    })
    const answer = await fetch(url)
    expect(answer.headers.get('content-type')).toContain('text/csv')
    expect((await answer.text()).split('\n')).toHaveLength(501)
    expect([outcomes, await idsIn(database)]).toEqual([['committed'], [1]])
  })

  it('rolls back, and says so, where such rows are more than may be held', async () => {
    const { url, errors } = await serve(
      (its) => async () => {
        await work.insert(its, 1)
        return rows(its, 2000)
      },
      { maxHeldBytes: 100_000, ownHandler: true },
    )
    expect((await fetch(url)).status).toBe(500)
    expect(errors).toEqual([expect.any(RequestRollbackError)])
    expect(await idsIn(database)).toEqual([])
  })

  it('rolls back what is answered past Fastify, once the answer is over', async () => {
    const { url, outcomes, db } = await serve((its) => async (_request, reply) => {
      await work.insert(its, 1)
      reply.hijack()
      reply.raw.end('past it')
    })
    expect(await (await fetch(url)).text()).toBe('past it')
    while (outcomes.length === 0) await db.raw('select 1')
    expect(outcomes).toEqual(['rolled-back'])
  })

  it('rolls back for a client that goes, and refuses what its handler still asks for', async () => {
    let finished!: (error: any) => void
    const finish = new Promise<any>((resolve) => (finished = resolve))
    const { url, hanging, goOn, outcomes, db } = await serve((its) => async () => {
      await work.hang(its, 1).catch(finished)
      return 'nobody reads this'
    })
    const { abort } = startRequest(url)
    await hanging.opened
    abort()
    while (outcomes.length === 0) await db.raw('select 1')
    expect(outcomes).toEqual(['rolled-back'])
    goOn.open()
    expect(await finish).toBeInstanceOf(RequestRollbackError)
    expect(await idsIn(database)).toEqual([])
  })

  it('works through a reader that forwards its writes', async () => {
    const { url } = await serve(
      (its) => async () => {
        await work.insert(its, 1)
        return its.db('items').pluck('id')
      },
      { url: database.readerUrl },
    )
    expect(await (await fetch(url)).json()).toEqual([1])
  })
})
