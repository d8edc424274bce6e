import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Response } from 'express'
import { RequestRollbackError } from 'knex-flatten'
import { transactionOf } from 'knex-flatten/express'
import { beforeEach, describe, expect, it } from 'vitest'
import { idsIn, useItems } from '../items.ts'
import { serveExpress } from './express-server.ts'
import { heldWhileCommitWaits, type Routes, work } from './requests.ts'

describe('an answer of Express that is held back', () => {
  const database = useItems()
  beforeEach(() => database.rows('delete from orders; delete from items'))
  const serve = serveExpress.bind(undefined, database)

  it('lets a stream flow once it is committed, and keeps it in order', async () => {
    const { url, outcomes } = await serve((its) => async (_req, res) => {
      await work.insert(its, 1)
      const many = function* () {
        for (let n = 0; n < 2000; n++) yield `${n},`.padEnd(100)
      }
      await pipeline(Readable.from(many()), res.type('text').status(203))
    })
    const answer = await fetch(url)
    expect([answer.status, outcomes]).toEqual([203, ['committed']])
    const numbers = (await answer.text()).split(',').slice(0, -1).map(Number)
    expect(numbers).toEqual(Array.from({ length: 2000 }, (_, n) => n))
  })

  it.each([
    ['an answer', (res: Response) => res.json('paid')],
    ['a head', (res: Response) => res.writeHead(200).flushHeaders()],
    ['a stream', (res: Response) => res.write('paid')],
  ])('sends nothing of %s before COMMIT is answered', async (_what, answer) => {
    const { url, db } = await serve((its) => async (req, res) => {
      if (req.path === '/ping') return res.json('pong')
      await work.insertOrder(its, 1)
      answer(res)
      await transactionOf(its.db, req).executionPromise
      return res.end()
    })
    await heldWhileCommitWaits(database, db, url)
  })

  it('ends by the status that was sent, whatever is made of it afterwards', async () => {
    const { url } = await serve((its) => async (_req, res) => {
      await work.insert(its, 1)
      res.statusMessage = 'Paid'
      res.status(201).json('mine')
      res.statusCode = 418
      res.statusMessage = 'Too late'
    })
    const answer = await fetch(url)
    expect([answer.status, answer.statusText]).toEqual([201, 'Paid'])
    expect(await idsIn(database)).toEqual([1])
  })

  it('ends by the status of writeHead()', async () => {
    const { url } = await serve((its) => async (_req, res) => {
      await work.insert(its, 1)
      res.writeHead(503).end('mine')
    })
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([503, 'mine'])
    expect(await idsIn(database)).toEqual([])
  })

  it.each([
    ['setHeader', (res: Response) => res.setHeader('x-late', 'yes')],
    ['setHeaders', (res: Response) => res.setHeaders(new Headers({ 'x-late': 'yes' }))],
    ['appendHeader', (res: Response) => res.appendHeader('x-mine', 'too')],
    ['removeHeader', (res: Response) => res.removeHeader('x-mine')],
  ])('refuses %s() behind the answer, as Node does', async (_name, change) => {
    const { url } = await serve((its) => async (_req, res) => {
      res.set('x-mine', 'yes').json('mine')
      expect(() => change(res)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
      await its.db.raw('select 1').catch(() => 'over')
    })
    const { headers } = await fetch(url)
    expect([headers.get('x-mine'), headers.get('x-late')]).toEqual(['yes', null])
  })

  it('cuts a stream whose COMMIT is refused', async () => {
    const { url, errors } = await serve((its) => async (_req, res) => {
      await work.failAtCommit(its, 1)
      res.write('a part')
      res.write('another')
      await once(res, 'close')
    })
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    expect(errors).toEqual([expect.objectContaining({ code: '23503' })])
    expect(await idsIn(database)).toEqual([])
  })

  it('lets a handler wait while it is held back, and go on once it is committed', async () => {
    const { url } = await serve((its) => async (_req, res) => {
      await work.insert(its, 1)
      expect(res.write('a part, ')).toBe(false)
      await once(res, 'drain')
      its.outcomes.push('drained')
      res.end(its.outcomes.join())
    })
    expect(await (await fetch(url)).text()).toBe('a part, committed,drained')
  })

  const rowsAsLines = (its: Routes, count: number): Readable =>
    its.db
      .select(its.db.raw(`n, repeat('x', 1000) as x from generate_series(1, ${count}) as n`))
      .stream()
      .map((row: { n: number; x: string }) => `${row.n} ${row.x}\n`)

  it('holds back rows that are streamed out of the transaction, and commits behind them', async () => {
    const { url, outcomes } = await serve((its) => async (_req, res) => {
      await work.insert(its, 1)
      await pipeline(rowsAsLines(its, 500), res)
    })
    const text = await (await fetch(url)).text()
    expect([text.split('\n').length, outcomes]).toEqual([501, ['committed']])
  })

  it('rolls back, and cuts, where such rows are more than may be held', async () => {
    const { url, errors, outcomes, db } = await serve(
      (its) => async (_req, res) => {
        await work.insert(its, 1)
        await pipeline(rowsAsLines(its, 5000), res)
      },
      { maxHeldBytes: 100_000 },
    )
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    expect(errors[0]).toBeInstanceOf(RequestRollbackError)
    expect(errors[0].message).toContain('came to more than 100000 bytes')
    while (outcomes.length === 0) await db.raw('select 1')
    expect([outcomes, await idsIn(database)]).toEqual([['rolled-back'], []])
  })

  it.each([
    [5000, 'holds as many bytes as it may'],
    [4999, 'cuts one byte more'],
  ])('with maxHeldBytes %i, %s', async (maxHeldBytes) => {
    const { url } = await serve(
      (its) => async (_req, res) => {
        const bytes = its.db
          .select(its.db.raw('n from generate_series(1, 50) as n'))
          .stream()
          .map(() => Buffer.alloc(100))
        await pipeline(bytes, res)
      },
      { maxHeldBytes },
    )
    const answer = fetch(url).then((response) => response.arrayBuffer())
    if (maxHeldBytes < 5000) await expect(answer).rejects.toThrow('fetch failed')
    else expect((await answer).byteLength).toBe(5000)
  })

  it('cuts the answer of a handler that fails while its rows are held, and rolls back', async () => {
    const { url, outcomes } = await serve((its) => async (_req, res) => {
      await work.insert(its, 1)
      for await (const line of rowsAsLines(its, 500)) {
        res.write(line)
        throw new Error('half way')
      }
    })
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    expect([outcomes, await idsIn(database)]).toEqual([['rolled-back'], []])
  })
})
