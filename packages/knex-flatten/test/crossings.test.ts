import type { Knex } from 'knex'
import { crossingsOf, CrossingsExceededError, flatten, TransactionOptionsError } from 'knex-flatten'
import { route } from 'knex-flatten/routing'
import { afterEach, describe, expect, it } from 'vitest'
import { told } from './events/told.ts'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'
import { pool } from './routing/routes.ts'

const database = useItems()
afterEach(() => database.rows('truncate items, orders'))

/** How often a transaction has crossed in the end. */
async function crossings(
  db: Knex,
  run: (trx: Knex.Transaction) => Promise<unknown>,
  config?: Knex.TransactionConfig,
): Promise<number> {
  let handle!: Knex.Transaction
  await db
    .transaction(async (trx) => {
      handle = trx
      await run(trx)
    }, config)
    .catch(() => undefined)
  return crossingsOf(handle)
}

describe.each([false, true])('of a transaction on a reader, with lazyBegin: %s', (lazyBegin) => {
  const open = () => connectFlat(database, { url: database.readerUrl }, { lazyBegin }).db

  it.each<[string, number, (trx: Knex.Transaction) => Promise<unknown>]>([
    ['nothing', 0, async () => undefined],
    ['reads', 0, async (trx) => trx('items').select()],
    ['a write', 2, async (trx) => trx('items').insert({ id: 1 })],
    [
      'three writes and a read',
      4,
      async (trx) => {
        await trx('items').insert([{ id: 1 }, { id: 2 }])
        await trx('items').select()
        await trx('items').where({ id: 1 }).update({ note: 'a' })
        await trx('items').where({ id: 2 }).delete()
      },
    ],
    ['a row lock', 2, async (trx) => trx('items').forUpdate().select()],
    [
      'a scope, which costs nothing',
      3,
      async (trx) => {
        await trx('items').insert({ id: 1 })
        await trx.transaction(async (scope) => scope('items').insert({ id: 2 }))
      },
    ],
    [
      'a write that is rolled back',
      2,
      async (trx) => {
        await trx('items').insert({ id: 1 })
        throw new Error('undone')
      },
    ],
    ['a stream that locks', 2, async (trx) => trx('items').forUpdate().select().stream().toArray()],
    ['what the guard does not send', 0, async (trx) => trx.raw('lock table items')],
  ])('what crosses is counted: %s', async (_what, expected, run) => {
    expect(await crossings(open(), run)).toBe(expected)
  })
})

describe('above the budget', () => {
  const insert = (trx: Knex, id: number) => trx('items').insert({ id })

  it('a statement is refused before it is sent, and all is rolled back', async () => {
    const { db, received } = connectFlat(database, {}, { crossings: { max: 3 } })
    const announced = told('knex-flatten:crossings')
    const error = await rejection(
      db.transaction(
        async (trx) => {
          await insert(trx, 1)
          await insert(trx, 2)
          await insert(trx, 3)
        },
        { name: 'import' },
      ),
    )
    expect(error).toBeInstanceOf(CrossingsExceededError)
    expect(error).toMatchObject({
      code: 'FLATTEN_CROSSINGS',
      crossings: 2,
      max: 3,
      statement: 'insert into "items" ("id") values (?)',
    })
    expect(error.message).toMatch(
      /was not sent: with it, and COMMIT, the transaction "import" \(opened at .*crossings\.test\.ts:.*\) would cross to the writer 4 times/,
    )
    expect(error.message).toContain('2 × insert into "items" ("id") values (?)')
    expect(error.message).toContain('insert([...])')
    expect((await received()).filter((sql) => sql.startsWith('insert'))).toHaveLength(2)
    expect(await idsIn(database)).toEqual([])
    expect(announced).toMatchObject([{ verdict: 'refused', limit: 3, transaction: { name: 'import' } }])
  })

  it('whoever swallows that is told at the end', async () => {
    const { db } = connectFlat(database, {}, { crossings: { max: 2 } })
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 1)
        await rejection(insert(trx, 2))
        expect(await rejection(trx('items').select())).toMatchObject({ code: 'FLATTEN_ROLLBACK_ONLY' })
      }),
    )
    expect(error).toMatchObject({ code: 'FLATTEN_UNEXPECTED_ROLLBACK', cause: { code: 'FLATTEN_CROSSINGS' } })
    expect(await idsIn(database)).toEqual([])
  })

  it('a stream is refused as well', async () => {
    const { db } = connectFlat(database, {}, { crossings: { max: 1 } })
    const error = await rejection(
      db.transaction(async (trx) => trx('items').forUpdate().select().stream().toArray()),
    )
    expect(error).toMatchObject({ code: 'FLATTEN_CROSSINGS' })
  })

  it('just within it all is well', async () => {
    const { db } = connectFlat(database, {}, { crossings: { max: 3, warn: 2 } })
    await db.transaction(async (trx) => {
      await insert(trx, 1)
      await trx('items').select()
      await insert(trx, 2)
    })
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it("Knex's log is told once, of what has crossed and where the transaction was opened", async () => {
    const warnings: string[] = []
    const log = { warn: (message: string) => void warnings.push(message) }
    const { db } = connectFlat(database, { config: { log } }, { crossings: { warn: 2 } })
    const announced = told('knex-flatten:crossings')
    await db.transaction(async (trx) => {
      for (let id = 1; id <= 4; id++) await insert(trx, id)
    })
    expect(warnings).toEqual([expect.stringContaining('crosses to the writer more than 2 times')])
    expect(warnings[0]).toMatch(/opened at .*crossings\.test\.ts/)
    expect(warnings[0]).toContain('2 × insert into "items" ("id") values (?)')
    expect(announced).toMatchObject([{ verdict: 'sent', limit: 2 }])
  })
})

describe('of a routed instance', () => {
  it('everything crosses to the far writer, and from a reader what it forwards', async () => {
    const db = route({ reader: pool(database, 'reader'), writer: pool(database, 'primary') })
    const read = async (trx: Knex) => trx('items').select()
    expect(await crossings(db, read, { target: 'writer' })).toBe(3)
    expect(await crossings(db, read, { target: 'reader' })).toBe(0)
    expect(await crossings(db, async () => undefined, { target: 'writer' })).toBe(2)
  })

  it('with the writer alone what a reader would forward is counted', async () => {
    const db = route({ writer: pool(database, 'primary') })
    expect(await crossings(db, async (trx) => trx('items').select())).toBe(0)
    expect(await crossings(db, async (trx) => trx('items').insert({ id: 1 }))).toBe(2)
  })
})

it.each([3, 'many', [], { warn: 0 }, { max: 1.5 }, { warn: 3, max: 3 }, { most: 3 }])(
  'no budget is made of %j',
  (budget) => {
    const { db } = database.connect()
    const wrap = () => flatten(db, { crossings: budget as never })
    expect(wrap).toThrow(TransactionOptionsError)
    expect(wrap).toThrow(/crossings must be \{ warn, max \}, each a whole number, 1 or more/)
  },
)
