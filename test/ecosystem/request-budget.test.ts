import { type ForwardingReader, startForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import {
  type CrossingBudget,
  crossingsOf,
  CrossingsExceededError,
  flatten,
  type FlattenOptions,
} from 'knex-flatten'
import { requestScope } from 'knex-flatten/consistency'
import { onWriter, route } from 'knex-flatten/routing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { told } from '../../packages/knex-flatten/test/events/told.ts'
import { rejection } from '../../packages/knex-flatten/test/items.ts'

let server: ForwardingReader
let primary: Knex
const open: Knex[] = []
let warnings: string[]

beforeAll(async () => {
  server = await startForwardingReader()
  primary = createKnex({ client: 'pg', connection: server.primaryUrl })
  await primary.raw('create table items (id int primary key)')
  await server.lag.caughtUp()
})
beforeEach(() => {
  warnings = []
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((db) => db.destroy()))
  await primary('items').delete()
})
afterAll(async () => {
  await primary.destroy()
  await server.stop()
})

function connect(connection: string): Knex {
  return createKnex({
    client: 'pg',
    connection,
    pool: { min: 0, max: 5 },
    log: { warn: (message: string) => void warnings.push(message) },
  })
}

function closing(db: Knex): Knex {
  open.push(db)
  return db
}

const flat = (options: FlattenOptions = {}) => closing(flatten(connect(server.readerUrl), options))
const routed = (options: FlattenOptions = {}) =>
  closing(route({ reader: connect(server.readerUrl), writer: connect(server.primaryUrl), ...options }))

const insert = (db: Knex, id: number) => db('items').insert({ id })
const lock = (db: Knex) => db('items').forUpdate().select()
const ids = () => primary('items').orderBy('id').pluck('id')
const INSERT = 'insert into "items" ("id") values (?)'

/** Runs a request with a budget: what it was rejected with, if it was, and how often the reader has really crossed. */
async function request(
  db: Knex,
  crossings: CrossingBudget,
  run: () => Promise<unknown>,
): Promise<{ error: any; crossed: number }> {
  const before = server.crossings().total
  const error: unknown = await requestScope(db, run, { crossings }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return { error, crossed: server.crossings().total - before }
}

describe('above the budget of a request', () => {
  it('a statement outside of any transaction is refused before it is sent', async () => {
    const db = flat()
    const announced = told('knex-flatten:crossings')
    const { error, crossed } = await request(db, { max: 2 }, async () => {
      await insert(db, 1)
      await db('items')
      await insert(db, 2)
      await insert(db, 3)
    })
    expect(error).toBeInstanceOf(CrossingsExceededError)
    expect(error).toMatchObject({
      code: 'FLATTEN_CROSSINGS',
      budget: 'request',
      crossings: 2,
      max: 2,
      statement: INSERT,
    })
    expect(error.message).toContain(
      `${INSERT}\nwas not sent: with it, the request would cross to the writer 3 times, and { crossings: { max: 2 } } of its requestScope() allows 2.`,
    )
    expect(error.message).toContain(`2 × ${INSERT}`)
    expect(crossed).toBe(2)
    expect(await ids()).toEqual([1, 2])
    expect(announced).toEqual([
      { db, transaction: undefined, budget: 'request', verdict: 'refused', limit: 2, sql: INSERT },
    ])
  })

  it.each([false, true])(
    'a statement of a transaction is refused, which dooms that, with lazyBegin: %s',
    async (lazyBegin) => {
      const db = flat({ lazyBegin })
      const announced = told('knex-flatten:crossings')
      let refusal!: Error
      const { error, crossed } = await request(db, { max: 4 }, async () => {
        await insert(db, 1)
        await db.transaction(
          async (trx) => {
            await insert(trx, 2)
            await insert(trx, 3)
            refusal = await rejection(insert(trx, 4))
          },
          { name: 'import' },
        )
      })
      expect(refusal).toMatchObject({ code: 'FLATTEN_CROSSINGS', budget: 'request', crossings: 3, max: 4 })
      expect(refusal.message).toMatch(
        /with it, and COMMIT of what is open, the request that the transaction "import" \(opened at .*request-budget\.test\.ts:.*\) is a part of would cross to the writer 5 times/,
      )
      expect(error).toMatchObject({ code: 'FLATTEN_UNEXPECTED_ROLLBACK', cause: refusal })
      expect(crossed).toBe(4)
      expect(await ids()).toEqual([1])
      expect(announced).toMatchObject([{ transaction: { name: 'import' }, budget: 'request' }])
    },
  )

  it('the first statement of a transaction needs room for its COMMIT too', async () => {
    const db = flat()
    const { error, crossed } = await request(db, { max: 2 }, async () => {
      await insert(db, 1)
      await db.transaction(async (trx) => insert(trx, 2))
    })
    expect(error).toMatchObject({ code: 'FLATTEN_CROSSINGS', crossings: 1 })
    expect(crossed).toBe(1)
  })

  it('the COMMIT of what is open has its place, whatever else is sent before it', async () => {
    const db = flat()
    const { error, crossed } = await request(db, { max: 2 }, () =>
      db.transaction(async (trx) => {
        await insert(trx, 1)
        const refusal = await rejection(insert(db, 2))
        expect(refusal).toMatchObject({ code: 'FLATTEN_CROSSINGS', crossings: 1 })
        expect(refusal.message).toContain('with it, and COMMIT of what is open, the request would cross')
      }),
    )
    expect(error).toBeUndefined()
    expect(crossed).toBe(2)
    expect(await ids()).toEqual([1])
  })

  it('streams are refused, inside of a transaction and outside', async () => {
    const db = flat()
    const { crossed } = await request(db, { max: 1 }, async () => {
      await lock(db).stream().toArray()
      expect(await rejection(lock(db).stream().toArray())).toMatchObject({ code: 'FLATTEN_CROSSINGS' })
      const inside = db.transaction(async (trx) => lock(trx).stream().toArray())
      expect(await rejection(inside)).toMatchObject({ code: 'FLATTEN_CROSSINGS' })
    })
    expect(crossed).toBe(1)
  })

  it('of what is sent at the same time just so much is sent', async () => {
    const db = flat()
    const { crossed } = await request(db, { max: 7 }, async () => {
      const all = await Promise.allSettled([
        ...Array.from({ length: 10 }, (_, id) => insert(db, id)),
        ...Array.from({ length: 5 }, (_, id) => db.transaction(async (trx) => insert(trx, 100 + id))),
      ])
      expect(all.some(({ status }) => status === 'fulfilled')).toBe(true)
      expect(crossingsOf(db)).toBe(7)
    })
    expect(crossed).toBe(7)
  })

  it('reads are sent, and just within it all is well', async () => {
    const db = flat()
    const { error, crossed } = await request(db, { max: 6 }, async () => {
      await insert(db, 1)
      await db.transaction(async (trx) => insert(trx, 2))
      expect(await db('items')).toHaveLength(2)
      await db.transaction(async (trx) => trx('items'))
      await rejection(db.transaction(async (trx) => insert(trx, 1)))
      await insert(db, 3)
    })
    expect(error).toBeUndefined()
    expect(crossed).toBe(6)
  })

  it('the next request has its own, and outside of any there is none', async () => {
    const db = flat()
    for (const id of [1, 2]) {
      expect(await request(db, { max: 1 }, async () => insert(db, id))).toEqual({
        error: undefined,
        crossed: 1,
      })
    }
    for (const id of [3, 4]) await insert(db, id)
  })
})

describe('of a request and of a transaction', () => {
  it.each([
    { own: 3, max: 10, budget: 'transaction', limit: 3 },
    { own: 10, max: 3, budget: 'request', limit: 3 },
    { own: 3, max: 3, budget: 'transaction', limit: 3 },
  ])('what is exceeded first says so: %o', async ({ own, max, budget, limit }) => {
    const db = flat({ crossings: { max: own } })
    const { error, crossed } = await request(db, { max }, () =>
      db.transaction(async (trx) => {
        for (const id of [1, 2, 3]) await insert(trx, id)
      }),
    )
    expect(error).toMatchObject({ code: 'FLATTEN_CROSSINGS', budget, max: limit })
    expect(error.message.includes('of its requestScope()')).toBe(budget === 'request')
    expect(crossed).toBe(3)
  })

  it("Knex's log is told once of each, with what has crossed", async () => {
    const db = flat({ crossings: { warn: 2 } })
    const announced = told('knex-flatten:crossings')
    const { error } = await request(db, { warn: 3 }, async () => {
      await insert(db, 1)
      await db.transaction(async (trx) => {
        await insert(trx, 2)
        await insert(trx, 3)
        await insert(trx, 4)
      })
      await insert(db, 5)
    })
    expect(error).toBeUndefined()
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch(/: the transaction .* crosses to the writer more than 2 times/)
    expect(warnings[1]).toMatch(
      /: the request that the transaction .* is a part of crosses to the writer more than 3 times, COMMIT included \(\{ crossings: \{ warn: 3 \} \} of its requestScope\(\)\)/,
    )
    expect(warnings[1]).toContain(`3 × ${INSERT}`)
    expect(announced).toMatchObject([
      { budget: 'transaction', verdict: 'sent', limit: 2 },
      { budget: 'request', verdict: 'sent', limit: 3 },
    ])
  })

  it("Knex's log is told of a request outside of any transaction", async () => {
    const db = flat()
    await request(db, { warn: 1, max: 4 }, async () => {
      for (const id of [1, 2, 3]) await insert(db, id)
    })
    expect(warnings).toEqual([expect.stringContaining('the request crosses to the writer more than 1 times')])
  })
})

describe('of a routed instance', () => {
  it('what goes to the far writer is counted, reads too', async () => {
    const db = routed()
    const { error } = await request(db, { max: 2 }, async () => {
      await onWriter(db('items'))
      await db('items')
      await onWriter(db('items'))
      await onWriter(db('items'))
    })
    expect(error).toMatchObject({ code: 'FLATTEN_CROSSINGS', crossings: 2 })
  })

  it.each([false, true])('a BEGIN is refused there as well, with lazyBegin: %s', async (lazyBegin) => {
    const db = routed({ lazyBegin })
    const begun = told('knex-flatten:begin')
    const { error } = await request(db, { max: 4 }, async () => {
      await db.transaction(async (trx) => trx('items'), { target: 'writer' })
      await db.transaction(async (trx) => trx('items'), { target: 'writer' })
    })
    expect(error).toMatchObject({ code: 'FLATTEN_CROSSINGS', crossings: 3 })
    expect(error.message).toContain('BEGIN')
    expect(begun).toHaveLength(1)
    expect(await onWriter(db('items'))).toEqual([])
  })

  it('a BEGIN that has failed owes no end', async () => {
    const db = closing(
      route({
        reader: connect(server.readerUrl),
        writer: createKnex({ client: 'pg', connection: server.primaryUrl, pool: { min: 0, max: 1 } }),
      }),
    )
    const { error } = await request(db, { max: 3 }, async () => {
      await rejection(onWriter(db.raw('begin; select 1 / 0')))
      const failed = await rejection(db.transaction(async () => undefined, { target: 'writer' }))
      expect(failed).toMatchObject({ code: '25P02' })
      expect(crossingsOf(db)).toBe(2)
      await onWriter(db('items'))
    })
    expect(error).toBeUndefined()
  })
})
