import { once } from 'node:events'
import express, { type Response } from 'express'
import { afterRollback, RequestRollbackError, setRollbackOnly, UnexpectedRollbackError } from 'knex-flatten'
import { transactionOf, transactionPerRequest } from 'knex-flatten/express'
import { beforeEach, describe, expect, it } from 'vitest'
import { idsIn, pidOf, useItems } from '../items.ts'
import { serveExpress } from './express-server.ts'
import { listen, startRequest } from './listen.ts'
import { routes, work } from './requests.ts'

describe('one transaction per request in Express', () => {
  const database = useItems()
  beforeEach(() => database.rows('delete from orders; delete from items'))
  const serve = serveExpress.bind(undefined, database)

  it("commits before the answer is sent, whose head and body are the handler's", async () => {
    const { url, outcomes } = await serve((its) => async (_req, res) => {
      await work.insert(its, 1)
      res.status(201).set('x-mine', 'yes').json({ id: 1 })
      expect(res.headersSent).toBe(true)
    })
    const answer = await fetch(url)
    expect(outcomes).toEqual(['committed'])
    expect(await idsIn(database)).toEqual([1])
    expect([answer.status, answer.headers.get('x-mine'), answer.headers.get('content-length')]).toEqual([
      201,
      'yes',
      '8',
    ])
    expect(await answer.json()).toEqual({ id: 1 })
  })

  it('runs queries of the instance and nested transactions on one connection, with transactionOf as its handle', async () => {
    const { url, received } = await serve(({ db }) => async (req, res) => {
      const trx = transactionOf(db, req)
      const pids = [await pidOf(db), await pidOf(trx), await db.transaction(pidOf)]
      res.json(new Set(pids).size)
    })
    expect(await (await fetch(url)).json()).toBe(1)
    const statement = 'select pg_backend_pid() as pid'
    expect(await received()).toEqual(['BEGIN;', statement, statement, statement, 'COMMIT;'])
  })

  it.each([
    ['5xx', 503, {}, []],
    ['4xx, which Express may have made of an error,', 409, {}, []],
    ['4xx with rollbackFrom 500', 409, { rollbackFrom: 500 }, [1]],
    ['5xx with rollbackFrom 500', 500, { rollbackFrom: 500 }, []],
    ['3xx', 302, {}, [1]],
  ] as const)('ends by the status of the answer: %s', async (_what, status, options, kept) => {
    const { url } = await serve(
      (its) => async (_req, res) => {
        await work.insert(its, 1)
        res.status(status).json('mine')
      },
      options,
    )
    const answer = await fetch(url, { redirect: 'manual' })
    expect([answer.status, await answer.json()]).toEqual([status, 'mine'])
    expect(await idsIn(database)).toEqual(kept)
  })

  it('rolls back what was thrown, whatever status it is answered with', async () => {
    const { url, outcomes } = await serve(
      (its) => async () => {
        await work.insert(its, 1)
        throw Object.assign(new Error('too late'), { status: 409 })
      },
      { rollbackFrom: 500 },
    )
    const answer = await fetch(url)
    expect([answer.status, await answer.json()]).toEqual([409, { told: 'too late' }])
    expect([outcomes, await idsIn(database)]).toEqual([['rolled-back'], []])
  })

  it('hands an error on once it is rolled back, and the hooks behind that have run', async () => {
    const { url, outcomes, errors } = await serve((its) => async () => {
      await work.insert(its, 1)
      afterRollback(its.db, async () => {
        await its.db.raw('select 1')
        its.outcomes.push(`${its.errors.length} errors told`)
      })
      throw new Error('too late')
    })
    expect((await fetch(url)).status).toBe(500)
    expect([outcomes, errors.length]).toEqual([['0 errors told', 'rolled-back'], 1])
  })

  it('rolls back what was thrown, also where nobody but the status tells of it', async () => {
    const { url } = await serve(
      (its) => async () => {
        await work.insert(its, 1)
        throw Object.assign(new Error('too late'), { status: 409 })
      },
      { onError: false },
    )
    expect((await fetch(url)).status).toBe(409)
    expect(await idsIn(database)).toEqual([])
  })

  it.each([
    ['by the framework', (res: Response) => res.status(201).set('x-mine', 'yes').json({ paid: true })],
    ['by Node itself', (res: Response) => res.writeHead(201, 'Paid', { 'x-mine': 'yes' }).end('paid')],
  ])(
    'answers with the error where COMMIT is refused, and with nothing of what was sent %s',
    async (_how, send) => {
      const { url, errors } = await serve((its) => async (_req, res) => {
        await work.failAtCommit(its, 1)
        res.statusMessage = 'Paid'
        send(res)
      })
      const answer = await fetch(url)
      expect(answer.statusText).toBe('Internal Server Error')
      expect([answer.status, await answer.json()]).toEqual([500, { told: '23503' }])
      expect([answer.headers.get('x-mine'), answer.headers.get('x-before')]).toEqual([null, 'kept'])
      expect(errors).toHaveLength(1)
      expect(await idsIn(database)).toEqual([])
    },
  )

  it('answers with the error where a swallowed error has doomed the transaction', async () => {
    const { url, errors } = await serve((its) => async (_req, res) => {
      await work.insert(its, 1)
      await its
        .db('items')
        .insert({ id: 1 })
        .catch(() => 'swallowed')
      res.json('fine')
    })
    expect((await fetch(url)).status).toBe(500)
    expect(errors).toEqual([expect.any(UnexpectedRollbackError)])
    expect(errors[0].message).toContain('transaction "GET /"')
  })

  it('answers with the error where the transaction was set rollback-only', async () => {
    const { url } = await serve((its) => async (_req, res) => {
      setRollbackOnly(its.db, 'a rehearsal')
      res.json('fine')
    })
    expect(await (await fetch(url)).json()).toEqual({ told: 'FLATTEN_UNEXPECTED_ROLLBACK' })
  })

  it('gives the answer of a committed request whose hook has failed, and logs the failure', async () => {
    const { url, logged } = await serve((its) => async (_req, res) => {
      await work.failBehindCommit(its, 1)
      res.json('paid')
    })
    expect(await (await fetch(url)).json()).toBe('paid')
    expect(logged).toEqual([expect.stringContaining('the mailer is down')])
    expect(await idsIn(database)).toEqual([1])
  })

  it('answers with the error where there is no connection to be had', async () => {
    const { url, db, errors } = await serve(() => (_req, res) => res.json('never'))
    await db.destroy()
    expect((await fetch(url)).status).toBe(500)
    expect(errors[0].message).toMatch(/aborted|Unable to acquire a connection/)
    db.initialize()
  })

  it('takes no connection for a request without queries where BEGIN is lazy', async () => {
    const { url, received } = await serve(() => (_req, res) => res.json('quick'), {
      flatten: { lazyBegin: true },
    })
    expect(await (await fetch(url)).json()).toBe('quick')
    expect(await received()).toEqual([])
  })

  it('runs at the isolation level that is asked for', async () => {
    const { url, received } = await serve(
      ({ db }) =>
        async (_req, res) =>
          res.json(await pidOf(db)),
      {
        isolationLevel: 'serializable',
      },
    )
    await fetch(url)
    expect((await received())[0]).toMatch(/^BEGIN.*SERIALIZABLE/i)
  })

  it('lets a request only read by its method, and another write', async () => {
    const { url, errors } = await serve(
      (its) => async (_req, res) => {
        await work.insert(its, 1)
        res.json('written')
      },
      { readOnlyMethods: ['GET'] },
    )
    expect(await (await fetch(url)).json()).toEqual({
      told: expect.stringMatching(/25006|FLATTEN_READ_ONLY_UPGRADE/),
    })
    expect(errors).toHaveLength(1)
    expect((await fetch(url, { method: 'POST' })).status).toBe(200)
    expect(await idsIn(database)).toEqual([1])
  })

  it('leaves a skipped request without a transaction', async () => {
    const { url, received } = await serve(
      ({ db }) =>
        async (req, res) => {
          expect(() => transactionOf(db, req)).toThrow(/has no transaction on this instance/)
          await db('items').insert({ id: 1 })
          res.status(500).json('kept all the same')
        },
      { skip: (req) => req.path === '/health' },
    )
    expect((await fetch(`${url}/health`)).status).toBe(500)
    expect(await received()).toEqual(['insert into "items" ("id") values ($1)'])
  })

  it('rolls back for a client that goes, and refuses what its handler still asks for', async () => {
    const refused: any[] = []
    const { url, hanging, goOn, outcomes, db } = await serve((its) => async (_req, res) => {
      const gone = once(res, 'close')
      await work.hang(its, 1).catch((error: unknown) => refused.push(error))
      await gone
      refused.push(
        await its.db.transaction(() => its.db('items').insert({ id: 3 })).catch((error: unknown) => error),
      )
      its.outcomes.push('handler done')
      res.json('nobody reads this')
      handled()
    })
    let handled!: () => void
    const done = new Promise<void>((resolve) => (handled = resolve))
    const { abort } = startRequest(url)
    await hanging.opened
    abort()
    // The connection is free again although the handler hangs: nothing else would tell of the rollback.
    while (outcomes.length === 0) await db.raw('select 1')
    expect(outcomes).toEqual(['rolled-back'])
    goOn.open()
    await done
    expect(refused[0]).toBeInstanceOf(RequestRollbackError)
    expect(refused[0].message).toContain('the client is gone')
    expect(refused[1]).toMatchObject({ code: 'FLATTEN_OPTIONS' })
    expect(await idsIn(database)).toEqual([])
  })

  it('counts once where it is mounted twice', async () => {
    const its = routes(database, { ambient: false })
    const app = express()
    app.use(transactionPerRequest(its.db), transactionPerRequest(its.db))
    app.get('/', async (req, res) => {
      await transactionOf(its.db, req)('items').insert({ id: 1 })
      res.json('once')
    })
    expect(await (await fetch(await listen(app))).json()).toBe('once')
    expect(await its.received()).toEqual(['BEGIN;', expect.stringContaining('insert'), 'COMMIT;'])
  })

  it('keeps the transactions of two instances apart', async () => {
    const [one, other] = [routes(database), routes(database)]
    const app = express()
    app.use(transactionPerRequest(one.db), transactionPerRequest(other.db))
    app.get('/', async (req, res) => {
      res.json([await pidOf(transactionOf(one.db, req)), await pidOf(transactionOf(other.db, req))])
    })
    const [first, second] = (await (await fetch(await listen(app))).json()) as number[]
    expect(first).not.toBe(second)
    for (const { received } of [one, other]) expect(await received()).toHaveLength(3)
  })

  it('works through a reader that forwards its writes', async () => {
    const { url } = await serve(
      (its) => async (_req, res) => {
        await work.insert(its, 1)
        res.json(await its.db('items').pluck('id'))
      },
      { url: database.readerUrl },
    )
    expect(await (await fetch(url)).json()).toEqual([1])
    expect(await idsIn(database)).toEqual([1])
  })
})
