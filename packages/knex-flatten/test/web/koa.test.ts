import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import Koa, { type Context } from 'koa'
import { RequestRollbackError } from 'knex-flatten'
import { transactionOf, transactionPerRequest } from 'knex-flatten/koa'
import { beforeEach, describe, expect, it } from 'vitest'
import { idsIn, pidOf, useItems } from '../items.ts'
import { listen, startRequest } from './listen.ts'
import { heldWhileCommitWaits, type Routes, routes, work } from './requests.ts'

describe('one transaction per request in Koa', () => {
  const database = useItems()
  beforeEach(() => database.rows('delete from orders; delete from items'))

  type Options = Parameters<typeof transactionPerRequest>[1] & { flatten?: object; url?: string }

  async function serve(
    handle: (its: Routes) => (ctx: Context) => unknown,
    { flatten, url, ...options }: Options = {},
  ) {
    const its = routes(database, flatten, url === undefined ? {} : { url })
    const app = new Koa()
    app.silent = true
    app.use(async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        its.errors.push(error)
        throw error
      }
    })
    app.use(transactionPerRequest(its.db, options))
    app.use(async (ctx) => {
      await handle(its)(ctx)
    })
    return { ...its, url: await listen(app.callback()) }
  }

  it('commits before the answer is sent', async () => {
    const { url, db } = await serve((its) => async (ctx) => {
      if (ctx.path !== '/ping') await work.insertOrder(its, 1)
      ctx.body = 'paid'
    })
    await heldWhileCommitWaits(database, db, url)
  })

  it('runs queries of the instance and nested transactions on one connection, with transactionOf as its handle', async () => {
    const { url } = await serve(({ db }) => async (ctx) => {
      const trx = transactionOf(db, ctx)
      ctx.body = new Set([await pidOf(db), await pidOf(trx), await db.transaction(pidOf)]).size.toString()
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
      (its) => async (ctx) => {
        await work.insert(its, 1)
        ctx.status = status
        ctx.body = 'mine'
      },
      options,
    )
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([status, 'mine'])
    expect(await idsIn(database)).toEqual(kept)
  })

  it('rolls back what was thrown, whatever status it is answered with', async () => {
    const { url, outcomes } = await serve((its) => async (ctx) => {
      await work.insert(its, 1)
      ctx.throw(409, 'too late')
    })
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([409, 'too late'])
    expect([outcomes, await idsIn(database)]).toEqual([['rolled-back'], []])
  })

  it('throws what COMMIT is refused with to the middleware before it', async () => {
    const { url, errors } = await serve((its) => async (ctx) => {
      await work.failAtCommit(its, 1)
      ctx.body = 'paid'
    })
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error'])
    expect(errors).toEqual([expect.objectContaining({ code: '23503' })])
  })

  it('gives the answer of a committed request whose hook has failed', async () => {
    const { url, logged } = await serve((its) => async (ctx) => {
      await work.failBehindCommit(its, 1)
      ctx.body = 'paid'
    })
    expect(await (await fetch(url)).text()).toBe('paid')
    expect(logged).toEqual([expect.stringContaining('the mailer is down')])
  })

  it('leaves a skipped request without a transaction, and lets another only read', async () => {
    const { url } = await serve(
      (its) => async (ctx) => {
        await its.db('items').insert({ id: 1 })
        ctx.body = 'written'
      },
      { skip: (ctx) => ctx.path === '/skipped', readOnlyMethods: ['GET'] },
    )
    expect((await fetch(url)).status).toBe(500)
    expect((await fetch(`${url}/skipped`)).status).toBe(200)
    expect(await idsIn(database)).toEqual([1])
  })

  it('counts once where it is mounted twice', async () => {
    const its = routes(database, { ambient: false })
    const app = new Koa()
    app.use(transactionPerRequest(its.db)).use(transactionPerRequest(its.db))
    app.use(async (ctx) => {
      ctx.body = await transactionOf(its.db, ctx)('items').insert({ id: 1 }).returning('id')
    })
    expect(await (await fetch(await listen(app.callback()))).json()).toEqual([{ id: 1 }])
    expect(await its.received()).toEqual(['BEGIN;', expect.stringContaining('insert'), 'COMMIT;'])
  })

  it('lets a stream flow once it is committed', async () => {
    const { url, outcomes } = await serve((its) => async (ctx) => {
      await work.insert(its, 1)
      ctx.body = Readable.from(
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
    const { url, outcomes } = await serve((its) => async (ctx) => {
      await work.insert(its, 1)
      ctx.type = 'text/csv'
      ctx.status = 203
      ctx.body = rows(its, 500)
    })
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([203, 'text/csv; charset=utf-8'])
    expect((await answer.text()).split('\n')).toHaveLength(501)
    expect([outcomes, await idsIn(database)]).toEqual([['committed'], [1]])
  })

  it('rolls back, and says so, where such rows are more than may be held', async () => {
    const { url, errors } = await serve(
      (its) => async (ctx) => {
        await work.insert(its, 1)
        ctx.body = rows(its, 2000)
      },
      { maxHeldBytes: 100_000 },
    )
    expect((await fetch(url)).status).toBe(500)
    expect(errors).toEqual([expect.any(RequestRollbackError)])
    expect(await idsIn(database)).toEqual([])
  })

  it('rolls back, and cuts, where a handler fails after it has sent something past Koa', async () => {
    const { url, outcomes } = await serve((its) => async (ctx) => {
      await work.insert(its, 1)
      ctx.respond = false
      ctx.res.writeHead(200, { 'content-length': 100 })
      ctx.res.write('a part')
      throw new Error('half way')
    })
    const answer = await fetch(url)
    await expect(answer.text()).rejects.toThrow('terminated')
    expect([outcomes, await idsIn(database)]).toEqual([['rolled-back'], []])
  })

  it('rolls back for a client that goes, and refuses what its handler still asks for', async () => {
    let finished!: (error: any) => void
    const finish = new Promise<any>((resolve) => (finished = resolve))
    const { url, hanging, goOn, outcomes, db, errors } = await serve((its) => async (ctx) => {
      const gone = once(ctx.res, 'close')
      await work.hang(its, 1).catch(finished)
      await gone
      ctx.body = 'nobody reads this'
    })
    const { abort } = startRequest(url)
    await hanging.opened
    abort()
    while (outcomes.length === 0) await db.raw('select 1')
    expect(outcomes).toEqual(['rolled-back'])
    goOn.open()
    expect(await finish).toBeInstanceOf(RequestRollbackError)
    while (errors.length === 0) await db.raw('select 1')
    // Who stands before it must not take it for a success.
    expect(errors).toEqual([expect.any(RequestRollbackError)])
    expect(await idsIn(database)).toEqual([])
  })

  it('works through a reader that forwards its writes', async () => {
    const { url } = await serve(
      (its) => async (ctx) => {
        await work.insert(its, 1)
        ctx.body = await its.db('items').pluck('id')
      },
      { url: database.readerUrl },
    )
    expect(await (await fetch(url)).json()).toEqual([1])
  })
})
