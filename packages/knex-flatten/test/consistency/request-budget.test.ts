import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import type { Knex } from 'knex'
import { type CrossingBudget, TransactionOptionsError } from 'knex-flatten'
import { requestScope } from 'knex-flatten/consistency'
import { readYourWrites } from 'knex-flatten/express'
import { afterEach, describe, expect, it } from 'vitest'
import { connectFlat, idsIn, rejection, useItems } from '../items.ts'
import { inSpan, observed, useContexts } from '../otel/telemetry.ts'

useContexts()
const database = useItems()
afterEach(() => database.rows('truncate items, orders'))

const flat = () => connectFlat(database, { config: { log: { warn: () => undefined } } }).db
const insert = (db: Knex, id: number) => db('items').insert({ id })
const INSERT = 'insert into "items" ("id") values (?)'

/** What a request with a budget was rejected with, if it was. */
function request(db: Knex, crossings: CrossingBudget, run: () => Promise<unknown>): Promise<unknown> {
  return requestScope(db, run, { crossings }).then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('a scope inside of a scope', () => {
  it.each<[string, CrossingBudget | undefined]>([
    ['no budget', undefined],
    ['the same', { max: 2 }],
  ])('is in the budget of the one around it: %s', async (_what, crossings) => {
    const db = flat()
    const error = await request(db, { max: 2 }, async () => {
      await insert(db, 1)
      await requestScope(
        db,
        async () => {
          await insert(db, 2)
          await insert(db, 3)
        },
        crossings && { crossings },
      )
    })
    expect(error).toMatchObject({ code: 'FLATTEN_CROSSINGS', crossings: 2 })
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it.each<[CrossingBudget | undefined, RegExp]>([
    [{ warn: 1, max: 5 }, /\{ crossings: \{ max: 6 \} \} .* inside a scope that has \{ warn: 1, max: 5 \}/],
    [undefined, /\{ crossings: \{ max: 6 \} \} .* inside a scope that has none/],
  ])('has no other budget than %o', async (crossings, words) => {
    const db = flat()
    const inside = requestScope(
      db,
      () => requestScope(db, async () => undefined, { crossings: { max: 6 } }),
      crossings && { crossings },
    )
    const error = await rejection(inside)
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(words)
  })
})

it.each([3, [], { warn: 0 }, { max: 1.5 }, { warn: 3, max: 3 }, { most: 3 }])(
  'no budget is made of %j',
  async (budget) => {
    const db = flat()
    const words = /crossings must be \{ warn, max \}, each a whole number, 1 or more/
    const options = { crossings: budget as never }
    expect((await rejection(requestScope(db, async () => undefined, options))).message).toMatch(words)
    expect(() => readYourWrites(db, options)).toThrow(words)
  },
)

it('each request of a web server has the budget that its middleware was given', async () => {
  const db = flat()
  const app = express()
  app.use(readYourWrites(db, { crossings: { max: 1 } }))
  app.get('/:ids', async (req, res) => {
    const write = async () => {
      for (const id of req.params.ids.split(',')) await insert(db, Number(id))
      return 'done'
    }
    res.json(await write().catch((error: unknown) => (error as { code: string }).code))
  })
  const listening = app.listen(0)
  try {
    await once(listening, 'listening')
    const { port } = listening.address() as AddressInfo
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}/${path}`)).json()
    expect(await get('1')).toBe('done')
    expect(await get('2,3')).toBe('FLATTEN_CROSSINGS')
    expect(await get('4')).toBe('done')
  } finally {
    listening.close()
  }
})

it('OpenTelemetry is told of a request, on the span that is active', async () => {
  const db = flat()
  const telemetry = observed(db)
  const elsewhere = observed(flat())
  await inSpan(telemetry, 'request', () =>
    request(db, { warn: 1, max: 2 }, async () => {
      for (const id of [1, 2, 3]) await insert(db, id)
    }),
  )
  const events = telemetry.spans()[0]!.events.filter(({ name }) => name === 'knex_flatten.crossings')
  expect(events.map(({ attributes }) => attributes)).toEqual([
    {
      'knex_flatten.budget': 'request',
      'knex_flatten.verdict': 'sent',
      'knex_flatten.limit': 1,
      'db.query.text': INSERT,
    },
    {
      'knex_flatten.budget': 'request',
      'knex_flatten.verdict': 'refused',
      'knex_flatten.limit': 2,
      'db.query.text': INSERT,
    },
  ])
  expect(await telemetry.points('knex_flatten.crossings.verdicts')).toEqual([
    [{ 'knex_flatten.budget': 'request', 'knex_flatten.verdict': 'sent' }, 1],
    [{ 'knex_flatten.budget': 'request', 'knex_flatten.verdict': 'refused' }, 1],
  ])
  expect(await elsewhere.points('knex_flatten.crossings.verdicts')).toEqual([])
})
