import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ForwardingReader, startForwardingReader } from '@knex-flatten/emulator'
import express from 'express'
import fastify from 'fastify'
import createKnex, { type Knex } from 'knex'
import { flatten, TransactionOptionsError } from 'knex-flatten'
import * as forExpress from 'knex-flatten/express'
import * as forFastify from 'knex-flatten/fastify'
import * as forKoa from 'knex-flatten/koa'
import Koa from 'koa'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

/** What the reader shows is this much older than what the writer holds, milliseconds. */
const LAG_MS = 150

let server: ForwardingReader
const closing: (() => unknown)[] = []
let lastId = 0

beforeAll(async () => {
  server = await startForwardingReader()
  const primary = createKnex({ client: 'pg', connection: server.primaryUrl })
  await primary.raw('create table orders (id int primary key)')
  await primary.destroy()
  await server.lag.caughtUp()
  await server.lag.set(LAG_MS)
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => server.stop())

function connect(): Knex {
  const db = flatten(createKnex({ client: 'pg', connection: server.readerUrl, pool: { min: 0, max: 10 } }), {
    ambient: true,
  })
  closing.push(() => db.destroy())
  return db
}

async function listen(app: Server | RequestListener): Promise<string> {
  const listening = typeof app === 'function' ? createServer(app) : app
  if (!listening.listening) await once(listening.listen(0, '127.0.0.1'), 'listening')
  closing.push(() => {
    listening.closeAllConnections()
    listening.close()
  })
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

interface ServeOptions {
  readonly transaction?: boolean
  readonly causality?: Parameters<typeof forExpress.readYourWrites>[1]
}

/** Servers of the same few lines: PUT writes, GET reads in as many sessions as there are, POST does both. */
const frameworks: Record<string, (db: Knex, options: ServeOptions) => Promise<string>> = {
  async express(db, { transaction, causality }) {
    const app = express()
    app.use(forExpress.readYourWrites(db, causality))
    app.use(express.json())
    if (transaction) app.use(forExpress.transactionPerRequest(db))
    app.put('/', async (req, res) => {
      await db('orders').insert(req.body)
      res.end()
    })
    app.post('/', async (req, res) => {
      await db('orders').insert(req.body)
      res.status(201).json(await read(db, req.body.id))
    })
    app.get('/:id', async (req, res) => {
      res.json(await read(db, Number(req.params.id)))
    })
    return listen((request, response) => void app(request, response))
  },
  async fastify(db, { transaction, causality }) {
    const app = fastify()
    await app.register(forFastify.readYourWrites(db, causality as never))
    if (transaction) await app.register(forFastify.transactionPerRequest(db))
    app.put('/', async (request) => {
      await db('orders').insert(request.body)
      return 'written'
    })
    app.post('/', async (request, reply) => {
      await db('orders').insert(request.body)
      return reply.status(201).send(await read(db, (request.body as { id: number }).id))
    })
    app.get('/:id', async (request) => read(db, Number((request.params as { id: string }).id)))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return listen(app.server)
  },
  async koa(db, { transaction, causality }) {
    const app = new Koa()
    app.use(forKoa.readYourWrites(db, causality as never))
    if (transaction) app.use(forKoa.transactionPerRequest(db))
    app.use(async (ctx) => {
      const id = Number(ctx.method === 'GET' ? ctx.path.slice(1) : (await bodyOf(ctx.req)).id)
      if (ctx.method !== 'GET') await db('orders').insert({ id })
      ctx.status = ctx.method === 'POST' ? 201 : 200
      ctx.body = ctx.method === 'PUT' ? 'written' : await read(db, id)
    })
    const handle = app.callback()
    return listen((request, response) => void handle(request, response))
  },
}

async function bodyOf(request: AsyncIterable<Buffer>): Promise<{ id: number }> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString()) as { id: number }
}

/** How many of ten reads at once see the row. */
async function read(db: Knex, id: number): Promise<number> {
  const reads = await Promise.all(Array.from({ length: 10 }, () => db('orders').where({ id })))
  return reads.filter((rows) => rows.length === 1).length
}

const post = (url: string, id: number) => write('POST', url, id)
const write = (method: string, url: string, id: number) =>
  fetch(url, {
    method,
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ id }),
  })
const get = async (url: string, id: number, headers: Record<string, string> = {}) =>
  (await fetch(`${url}/${id}`, { headers: { ...headers, connection: 'close' } })).json()

describe.each(Object.keys(frameworks))('with %s', (framework) => {
  const serve = frameworks[framework]!

  it.each([false, true])(
    'a request sees what it has written, and so does the next (one transaction per request: %s)',
    async (transaction) => {
      const [here, there] = [connect(), connect()]
      const [url, other] = [await serve(here, { transaction }), await serve(there, { transaction })]
      // As many sessions as there can be, none of which will have written.
      await Promise.all([read(here, 0), read(there, 0)])
      const id = ++lastId
      const answer = await post(url, id)
      expect(answer.status).toBe(201)
      expect(await answer.json()).toBe(10)
      const [cookie] = answer.headers.getSetCookie()
      expect(cookie).toMatch(/^causality=1\.[^;]+; Max-Age=300; Path=\/; HttpOnly; SameSite=Lax$/)
      expect(await get(other, id, { cookie: `a=b; ${cookie!.split(';')[0]!}` })).toBe(10)
    },
  )

  it('says nothing where nothing was written, and where a transaction was rolled back', async () => {
    const url = await serve(connect(), { transaction: true })
    const answer = await fetch(`${url}/0`, { headers: { connection: 'close' } })
    expect(answer.headers.getSetCookie()).toEqual([])
    const id = ++lastId
    await post(url, id)
    const again = await post(url, id)
    expect(again.status).toBe(500)
    expect(again.headers.getSetCookie()).toEqual([])
  })

  it('speaks in a header instead, and signs it', async () => {
    const causality = {
      header: 'X-Causality',
      cookie: false,
      secret: ['a new key of this shop', 'the key before it'],
    } as const
    const [url, other] = [await serve(connect(), { causality }), await serve(connect(), { causality })]
    const id = ++lastId
    const answer = await post(url, id)
    const token = answer.headers.get('x-causality')!
    expect(token).toMatch(/^1\.[0-9a-z]+\.\.[\w-]{22}$/)
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(await get(other, id, { 'x-causality': token })).toBe(10)
    // What anybody could have made up is no reason to wait, nor to fail.
    const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    expect(await whileNothingArrives(url, other, { 'x-causality': forged })).toBe(0)
  })

  it('shows what was there before, where a request comes without a token', async () => {
    const [url, other] = [await serve(connect(), {}), await serve(connect(), {})]
    expect(await whileNothingArrives(url, other)).toBe(0)
  })

  it('lets a request be skipped', async () => {
    const db = connect()
    const url = await serve(db, { causality: { skip: () => true } })
    const answer = await post(url, ++lastId)
    expect(answer.headers.getSetCookie()).toEqual([])
  })
})

/** What another process reads of a write that its reader does not show. */
async function whileNothingArrives(
  url: string,
  other: string,
  headers: Record<string, string> = {},
): Promise<unknown> {
  await server.lag.pause()
  try {
    await write('PUT', url, ++lastId)
    return await get(other, lastId, headers)
  } finally {
    await server.lag.resume()
  }
}

it('is understood by another process', async () => {
  const processes = await Promise.all([startProcess(), startProcess()])
  const [one, other] = processes
  const id = ++lastId
  const [cookie] = (await post(`${one}/orders`, id)).headers.getSetCookie()
  expect(await whileNothingArrives(`${one}/orders`, `${other}/orders`)).toEqual([])
  expect(await get(`${other}/orders`, id, { cookie: cookie!.split(';')[0]! })).toEqual([{ id }])
})

async function startProcess(): Promise<string> {
  const file = new URL('server.ts', import.meta.url).pathname
  const child = spawn(
    process.execPath,
    ['-C', '@knex-flatten/source', '--import', 'tsx', file, server.readerUrl],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  closing.push(() => child.kill())
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return `http://127.0.0.1:${Number(line.toString())}`
}

describe('a middleware that cannot be', () => {
  it.each<[string, unknown, RegExp]>([
    ['cookie', { cookie: 'a b' }, /cookie must be the name of a cookie, or false/],
    ['header', { header: '' }, /header must be the name of a header/],
    ['cookieOptions', { cookieOptions: 7 }, /cookieOptions must be an object/],
    ['skip', { skip: true }, /skip must be a function/],
    ['token', { token: '1.x.' }, /there is no option "token"/],
    ['secret', { secret: [] }, /secret must be a key/],
    ['no options', null, /options must be an object/],
  ])('is refused at once: %s', (_what, options, words) => {
    const db = connect()
    for (const { readYourWrites } of [forExpress, forFastify, forKoa]) {
      const make = () => readYourWrites(db, options as never)
      expect(make).toThrow(TransactionOptionsError)
      expect(make).toThrow(words)
    }
  })
})
