import type { Knex } from 'knex'
import { flatten, type FlattenOptions, ReadOnlyUpgradeError, RollbackOnlyError } from 'knex-flatten'
import { preventWrites, route, withWriter } from 'knex-flatten/routing'
import { beforeEach, describe, expect, it } from 'vitest'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'
import { placeOf, pool } from './routing/routes.ts'

const database = useItems()
beforeEach(() => database.rows('delete from items'))

const routed = (options: Parameters<typeof route>[0] = {}) =>
  route({ reader: pool(database, 'reader'), writer: pool(database, 'primary'), ...options })
const readOnly = { readOnly: true, name: 'report' } as const

/** What services do that are handed whatever they run on. */
async function addItem(on: Knex, id: number) {
  await on('items').insert({ id })
}
const addSomewhere = (on: Knex) => on.transaction((own) => addItem(own, 2), { readOnly: false, name: 'add' })

/** The line of this file in which something stands. */
const here = /test\/read-only-upgrade\.test\.ts:\d+:\d+$/

const instances: [string, () => Knex][] = [
  ['a reader and a writer', () => routed()],
  ["a reader and a writer, with writes: 'writer'", () => routed({ writes: 'writer' })],
  ['a writer alone', () => routed({ reader: [] })],
  ['a flattened instance on a reader', () => connectFlat(database, { url: database.readerUrl }).db],
]

describe.each(instances)('in a read-only transaction of %s', (_what, open) => {
  it('a write is refused, with both places', async () => {
    const db = open()
    let told: unknown
    const error = await rejection(
      db.transaction(async (trx) => {
        told = await rejection(addItem(trx, 1))
        throw told
      }, readOnly),
    )
    expect(error).toBe(told)
    expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
    expect(error).toMatchObject({ code: 'FLATTEN_READ_ONLY_UPGRADE', cause: { code: '25006' } })
    expect(error.openedAt).toMatch(here)
    expect(error.askedAt).toMatch(here)
    expect(error.openedAt).not.toBe(error.askedAt)
    expect(error.message).toContain(`The write was asked for at ${error.askedAt}.`)
    expect(error.message).toContain(`the transaction "report" (opened at ${error.openedAt})`)
    expect(error.message).toContain("propagation: 'requires-new'")
    expect(error.stack).toMatch(/^ReadOnlyUpgradeError: .*\n(.*\n)*? +at addItem \(/)
    expect(await idsIn(database)).toEqual([])
  })

  it('a write by raw, in a scope that joins, is refused with both places', async () => {
    const error = await rejection(
      open().transaction(
        (trx) => trx.transaction((scope) => scope.raw('insert into items (id) values (?)', [1])),
        readOnly,
      ),
    )
    expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
    expect(error.askedAt).toMatch(here)
    expect(error.openedAt).toMatch(here)
  })

  it('after a refused write nothing more is sent', async () => {
    await open()
      .transaction(async (trx) => {
        await rejection(addItem(trx, 1))
        expect(await rejection(trx('items').select())).toBeInstanceOf(RollbackOnlyError)
      }, readOnly)
      .catch((error: unknown) =>
        expect(error).toMatchObject({ cause: { code: 'FLATTEN_READ_ONLY_UPGRADE' } }),
      )
  })

  it('a scope that is to write is refused, with both places, however deep, and the transaction goes on', async () => {
    const db = open()
    await db
      .transaction(async (trx) => {
        const error = await rejection(
          trx.transaction(async (middle) => {
            const refused = await rejection(addSomewhere(middle))
            expect(await middle('items').select()).toEqual([])
            throw refused
          }),
        ).then((caught) => caught)
        expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
        expect(error.openedAt).toMatch(here)
        expect(error.askedAt).toMatch(here)
        expect(error.message).toContain('the scope "add" (opened at')
        expect(error.message).toContain(`the transaction "report" (opened at ${error.openedAt}) around it`)
        throw error
      }, readOnly)
      .catch((error: unknown) => expect(error).toBeInstanceOf(ReadOnlyUpgradeError))
    await db.transaction(async (trx) => {
      await rejection(addSomewhere(trx))
      expect(await trx('items').select()).toEqual([])
    }, readOnly)
    expect(await idsIn(database)).toEqual([])
  })

  it('requires-new is the way out', async () => {
    await open().transaction(async (trx) => {
      await rejection(addSomewhere(trx))
      await trx.transaction((own) => addItem(own, 3), { propagation: 'requires-new' })
      expect(await trx('items').select()).toBeDefined()
    }, readOnly)
    expect(await idsIn(database)).toEqual([3])
  })
})

describe('in a read-only transaction that is found by where the caller runs', () => {
  const ambient: FlattenOptions = { ambient: true }

  it('a write on the instance is refused, with both places', async () => {
    const db = routed(ambient)
    const error = await rejection(db.transaction(() => addItem(db, 1), readOnly))
    expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
    expect(error.openedAt).toMatch(here)
    expect(error.askedAt).toMatch(here)
  })

  it('a scope of the instance that is to write is refused, with both places', async () => {
    const db = routed(ambient)
    const error = await rejection(db.transaction(() => addSomewhere(db), readOnly))
    expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
    expect(error.openedAt).toMatch(here)
    expect(error.askedAt).toMatch(here)
  })

  it('what was refused leaves everything as it was: the position, the target, the block', async () => {
    const db = routed(ambient)
    await db.transaction(async () => {
      const pid = async () => (await db.raw('select pg_backend_pid() as pid')).rows[0].pid
      const before = await pid()
      await rejection(addSomewhere(db))
      expect(await pid()).toBe(before)
      expect(await placeOf(db)).toBe('reader')
      await rejection(
        withWriter(() =>
          preventWrites(async () => {
            await addSomewhere(db)
          }),
        ),
      )
      expect(await pid()).toBe(before)
      // Neither block is there any more: this one writes, and it does so beside.
      await db.transaction(
        async (own) => {
          expect(await placeOf(db)).toBe('reader')
          await addItem(own, 4)
        },
        { propagation: 'requires-new', target: 'reader' },
      )
      const failed = await rejection(
        db.transaction(
          async () => {
            expect(await placeOf(db)).toBe('writer')
            throw new Error('of the application')
          },
          { propagation: 'requires-new', target: 'writer' },
        ),
      )
      expect(failed.message).toBe('of the application')
      expect(await pid()).toBe(before)
      expect(await placeOf(db)).toBe('reader')
    }, readOnly)
    // Behind it, the instance is itself again.
    await addItem(db, 5)
    expect(await idsIn(database)).toEqual([4, 5])
  })

  it('a refused write that ends the transaction leaves the instance as it was', async () => {
    const db = routed(ambient)
    await rejection(db.transaction(() => addItem(db, 1), readOnly))
    await addItem(db, 6)
    await db.transaction(async () => addItem(db, 7))
    expect(await idsIn(database)).toEqual([6, 7])
  })
})

it('a write refused in a read-only scope of what writes names both places', async () => {
  const db = routed()
  await db.transaction(async (trx) => {
    const error = await trx.transaction((report) => rejection(addItem(report, 1)), readOnly)
    expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
    expect(error.message).toContain('was not sent: it may write, and the scope "report"')
    expect(error.openedAt).toMatch(here)
    expect(error.askedAt).toMatch(here)
  })
})

it.each<[string, (trx: Knex) => PromiseLike<unknown>]>([
  ['update', (trx) => trx('items').where({ id: 1 }).update({ note: 'x' })],
  ['del', (trx) => trx('items').del()],
  ['increment', (trx) => trx('items').increment('id')],
  ['a builder that was cloned before it writes', (trx) => trx('items').clone().where({ id: 1 }).del()],
  ['a raw that writes behind a comment', (trx) => trx.raw('/* why */ delete from items')],
  ['a raw CTE', (trx) => trx.raw('with gone as (delete from items returning 1) select * from gone')],
])('%s is refused, and the builder does what it always does', async (what, write) => {
  const error = await rejection(routed().transaction(async (trx) => write(trx), readOnly))
  expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
  // Whose clone it is nobody has noted.
  if (what.includes('cloned')) expect(error.askedAt).toBeUndefined()
  else expect(error.askedAt).toMatch(here)
})

it('what reads is not changed by being watched', async () => {
  await database.rows("insert into items values (1, 'a')")
  await routed({ reader: [] }).transaction(async (trx) => {
    expect(await trx('items').first()).toEqual({ id: 1, note: 'a' })
    expect(await trx('items').pluck('id')).toEqual([1])
    expect(await trx('items').clone().select('note')).toEqual([{ note: 'a' }])
    expect(Object.keys(await trx('items').columnInfo())).toEqual(['id', 'note'])
    expect(() => trx('items').del().first()).toThrow('Cannot chain .first() on "del" query')
    expect(trx('items').insert({ id: 1 }).toQuery()).toBe('insert into "items" ("id") values (1)')
  }, readOnly)
})

it('without call sites, and with a builder that was made elsewhere, the places are left out', async () => {
  const bare = await rejection(routed({ callSites: false }).transaction((trx) => addItem(trx, 1), readOnly))
  expect(bare).toMatchObject({ openedAt: undefined, askedAt: undefined })
  expect(bare.message).toMatch(/\nwas refused \(.*\): the transaction "report" around it/)
  expect(bare.message).not.toContain('asked for at')
  const db = routed()
  const made = db('items').insert({ id: 1 })
  const error = await rejection(db.transaction((trx) => made.transacting(trx), readOnly))
  expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
  expect(error.openedAt).toMatch(here)
  expect(error.askedAt).toBeUndefined()
})

it("a flattened instance on a writer leaves it to PostgreSQL's own words", async () => {
  const { db } = database.connect()
  flatten(db)
  expect(await rejection(db.transaction((trx) => addItem(trx, 1), readOnly))).toMatchObject({ code: '25006' })
})
