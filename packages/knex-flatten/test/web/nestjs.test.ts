import 'reflect-metadata'
import { ConflictException, Controller, Get, Inject, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import {
  ClsPluginTransactional,
  Propagation,
  Transactional,
  TransactionHost,
} from '@nestjs-cls/transactional'
import { transactionPerRequest } from 'knex-flatten/express'
import { type FlattenAdapter, flattenAdapter } from 'knex-flatten/nestjs-cls'
import { ClsModule } from 'nestjs-cls'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { idsIn, pidOf, useItems } from '../items.ts'
import { heldWhileCommitWaits, type Routes, routes, work } from './requests.ts'

const KNEX = Symbol('knex')

describe('one transaction per request in NestJS', () => {
  const database = useItems()
  beforeEach(() => database.rows('delete from orders; delete from items'))
  type Host = TransactionHost<FlattenAdapter>

  /** An application of one controller, whose only method is `handle`, as `decorators` make it. */
  async function serve(
    handle: (its: Routes, host: Host) => Promise<unknown>,
    { transactional = true, middleware = false, ambient = false, url = '', defaultTxOptions = {} } = {},
  ) {
    const its = routes(database, { ambient }, url ? { url } : {})
    class Orders {
      readonly host: Host
      constructor(host: Host) {
        this.host = host
      }
      ping(): string {
        return 'pong'
      }
      order(): Promise<unknown> {
        return handle(its, this.host)
      }
    }
    const methods = Orders.prototype
    decorate(methods, 'ping', [Get('ping')])
    decorate(methods, 'order', [Get(), ...(transactional ? [Transactional()] : [])])
    Inject(TransactionHost)(Orders, undefined, 0)
    Controller()(Orders)
    // eslint-disable-next-line @typescript-eslint/no-extraneous-class -- NestJS hangs a module on a class
    class Database {}
    Module({ providers: [{ provide: KNEX, useValue: its.db }], exports: [KNEX] })(Database)
    // eslint-disable-next-line @typescript-eslint/no-extraneous-class -- NestJS hangs a module on a class
    class App {}
    Module({
      imports: [
        ClsModule.forRoot({
          global: true,
          middleware: { mount: true },
          plugins: [
            new ClsPluginTransactional({
              imports: [Database],
              adapter: flattenAdapter({ token: KNEX, defaultTxOptions }),
            }),
          ],
        }),
      ],
      controllers: [Orders],
    })(App)
    const app = await NestFactory.create(App, { logger: false })
    if (middleware) app.use(transactionPerRequest(its.db))
    await app.listen(0, '127.0.0.1')
    afterAll(() => app.close())
    return { ...its, url: await app.getUrl() }
  }

  it('commits before the answer is sent', async () => {
    const { url, db } = await serve(async (_its, { tx }) => {
      await tx('orders').insert({ item: 1 })
    })
    await heldWhileCommitWaits(database, db, url)
  })

  it('rolls back what was thrown, whatever status it is answered with', async () => {
    const { url } = await serve(async (_its, { tx }) => {
      await tx('items').insert({ id: 1 })
      throw new ConflictException('too late')
    })
    expect((await fetch(url)).status).toBe(409)
    expect(await idsIn(database)).toEqual([])
  })

  it('answers with the error where COMMIT is refused', async () => {
    const { url } = await serve(async (_its, { tx }) => {
      await tx('items').insert({ id: 1 })
      await tx('orders').insert({ item: 7000 })
      return 'paid'
    })
    expect((await fetch(url)).status).toBe(500)
    expect(await idsIn(database)).toEqual([])
  })

  it('joins, nests without a savepoint, and opens one beside it', async () => {
    const { url, received } = await serve(async (_its, host) => {
      const outer = await pidOf(host.tx)
      const inner = await host.withTransaction(() => pidOf(host.tx))
      const nested = await host.withTransaction(Propagation.Nested, () => pidOf(host.tx))
      const beside = await host.withTransaction(Propagation.RequiresNew, () => pidOf(host.tx))
      const without = await host.withoutTransaction(() => pidOf(host.tx))
      return [inner === outer, nested === outer, beside === outer, without === outer]
    })
    expect(await (await fetch(url)).json()).toEqual([true, true, false, false])
    expect((await received()).filter((sql) => /savepoint/i.test(sql))).toEqual([])
  })

  it('rolls the request back for a nested failure that is swallowed', async () => {
    const { url } = await serve(async (its, host) => {
      await host.tx('items').insert({ id: 1 })
      await host
        .withTransaction(Propagation.Nested, () => Promise.reject(new Error('boom')))
        .catch(() => 'swallowed')
      return 'fine'
    })
    expect((await fetch(url)).status).toBe(500)
    expect(await idsIn(database)).toEqual([])
  })

  it('opens a transaction with what the call says, else with the defaults of the adapter', async () => {
    const { url, received } = await serve(
      async (_its, host) => {
        await pidOf(host.tx)
        const options = { readOnly: true }
        await host.withTransaction(Propagation.RequiresNew, options, () => pidOf(host.tx))
      },
      { defaultTxOptions: { isolationLevel: 'serializable' } },
    )
    expect((await fetch(url)).status).toBe(200)
    const [first, second] = (await received()).filter((sql) => sql.startsWith('BEGIN'))
    expect(first).toMatch(/SERIALIZABLE/i)
    expect(second).toMatch(/READ ONLY/i)
  })

  it('lets calls on the instance join with ambient, and holds hooks', async () => {
    const { url, outcomes } = await serve(
      async (its) => {
        await work.insert(its, 1)
        return 'paid'
      },
      { ambient: true },
    )
    expect(await (await fetch(url)).text()).toBe('paid')
    expect([outcomes, await idsIn(database)]).toEqual([['committed'], [1]])
  })

  it.each([
    ['commits', false, 200, [1]],
    ['rolls back what was thrown', true, 409, []],
  ])('runs on the middleware of Express as well: %s', async (_what, fails, status, kept) => {
    const { url } = await serve(
      async (its) => {
        await work.insert(its, 1)
        if (fails) throw new ConflictException('too late')
        return 'paid'
      },
      { transactional: false, middleware: true, ambient: true },
    )
    expect((await fetch(url)).status).toBe(status)
    expect(await idsIn(database)).toEqual(kept)
  })

  it('works through a reader that forwards its writes', async () => {
    const { url } = await serve(
      async (_its, { tx }) => {
        await tx('items').insert({ id: 1 })
        return tx('items').pluck('id')
      },
      { url: database.readerUrl },
    )
    expect(await (await fetch(url)).json()).toEqual([1])
  })

  it('refuses a token that is missing, or stands for what is not flattened', () => {
    expect(() => flattenAdapter({ token: undefined as any })).toThrow('token must be the injection token')
    expect(() => flattenAdapter({ token: KNEX }).optionsFactory({} as any, [])).toThrow(
      'db must be what flatten(knex) returned',
    )
  })
})

/** What `@decorator` is compiled to. */
function decorate(target: object, method: string, decorators: readonly MethodDecorator[]): void {
  for (const apply of [...decorators].reverse()) {
    const descriptor = Object.getOwnPropertyDescriptor(target, method)!
    apply(target, method, descriptor)
    Object.defineProperty(target, method, descriptor)
  }
}
