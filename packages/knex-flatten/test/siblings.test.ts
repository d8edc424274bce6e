import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  DurableTransactionError,
  flatten,
  RollbackOnlyError,
  ScopeStillOpenError,
  UnexpectedRollbackError,
} from 'knex-flatten'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'

describe.each(knexVersions)('scopes of one transaction on Knex %s', (_version, knex) => {
  const database = useItems()
  const open = (acquireConnectionTimeout = 60_000) =>
    connectFlat(database, { knex, config: { acquireConnectionTimeout } })

  beforeEach(() => database.rows('delete from items; insert into items values (1)'))

  it('opens a sibling, asked of the outer trx inside a running scope, as a child of that scope', async () => {
    const { db, received } = open()
    await db.transaction((trx) =>
      trx.transaction(async (inner) => {
        await trx.transaction(async (sibling) => {
          expect(sibling.parentTransaction).toBe(inner)
          await delay(0)
          await trx.savepoint(async (deep) => {
            expect(deep.parentTransaction).toBe(sibling)
          })
          await sibling('items').insert({ id: 2 })
        })
      }),
    )
    expect(await received()).toEqual(['BEGIN;', 'insert into "items" ("id") values ($1)', 'COMMIT;'])
  })

  it('finds the scope around it through a transaction on another connection', async () => {
    const { db } = open()
    await db.transaction((trx) =>
      trx.transaction(async (inner) => {
        await db.transaction((beside) =>
          beside.transaction(async () => {
            await trx.transaction(async (sibling) => {
              expect(sibling.parentTransaction).toBe(inner)
            })
          }),
        )
      }),
    )
  })

  it('finds it where the callback returns a builder, which Knex starts', async () => {
    const { db } = open()
    await db.transaction((trx) =>
      trx.transaction((inner) => {
        const lazy = {
          then: (done: () => void, failed: (error: unknown) => void) => {
            trx
              .transaction(async (sibling) => {
                expect(sibling.parentTransaction).toBe(inner)
              })
              .then(done, failed)
          },
        }
        return lazy as Promise<void>
      }),
    )
  })

  it('opens what an ended scope has left behind in the scope that is still running around it', async () => {
    const { db } = open()
    await db.transaction((trx) =>
      trx.transaction(async (outer) => {
        let go!: () => void
        const ended = new Promise<void>((resolve) => (go = resolve))
        let late!: Promise<unknown>
        await outer.transaction(async () => {
          late = ended.then(() =>
            trx.transaction(async (sibling) => {
              expect(sibling.parentTransaction).toBe(outer)
            }),
          )
        })
        go()
        await late
      }),
    )
  })

  it('keeps a scope that is told to roll back once it was committed, and its root', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const scope = await trx.transaction()
    await scope('items').insert({ id: 2 })
    await scope.commit()
    await scope.rollback(new Error('too late'))
    await trx.commit()
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('refuses one that waits in vain for a scope held open by its own code, names it, and dooms the root', async () => {
    const { db } = open(100)
    const trx = await db.transaction()
    const first = await trx.transaction(undefined, { name: 'first' })
    const error = await rejection(trx.transaction(async () => undefined))
    expect(error).toBeInstanceOf(ScopeStillOpenError)
    expect(error.message).toMatch(/waited 100 ms for the scope "first" \(opened at .*siblings\.test\.ts/)
    expect(await rejection(first.commit())).toBeInstanceOf(UnexpectedRollbackError)
    expect(await rejection(trx.commit())).toMatchObject({ cause: error })
    expect(await idsIn(database)).toEqual([1])
  })

  it('lets a long queue wait as long as it moves', async () => {
    const { db } = open(250)
    const ids = [10, 11, 12, 13, 14, 15]
    await db.transaction((trx) =>
      Promise.all(
        ids.map((id) =>
          trx.transaction(async (scope) => {
            await scope('items').insert({ id })
            await scope.raw('select pg_sleep(0.1)')
          }),
        ),
      ),
    )
    expect(await idsIn(database)).toEqual([1, ...ids])
  })

  it('refuses those that wait at once when the root is rolled back, however deep they wait', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const first = await trx.transaction()
    const deep = await first.transaction()
    const waiting = [trx, first].map((around) => rejection(around.transaction(async () => undefined)))
    // By then they stand in their queues.
    await trx.raw('select 1')
    await trx.rollback()
    for (const error of await Promise.all(waiting)) {
      expect(error).toBeInstanceOf(RollbackOnlyError)
      expect(error.message).toMatch(/was not opened: the transaction .* around it ended first/)
    }
    expect(await rejection(deep.commit())).toBeInstanceOf(RollbackOnlyError)
  })

  it('refuses one on a doomed transaction at once, whoever is before it', async () => {
    const { db } = open(200)
    const trx = await db.transaction()
    await trx.transaction()
    await trx('items')
      .insert({ id: 1 })
      .catch(() => 'swallowed')
    expect(await rejection(trx.transaction(async () => undefined))).toBeInstanceOf(RollbackOnlyError)
    await trx.rollback()
  })

  it('refuses a durable one at once, whoever is before it', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const first = await trx.transaction()
    expect(await rejection(trx.transaction(async () => undefined, { durable: true }))).toBeInstanceOf(
      DurableTransactionError,
    )
    await first.commit()
    await trx.commit()
  })

  it('refuses one asked of a transaction that has ended, and does not call it rolled back', async () => {
    const { db } = open()
    const trx = await db.transaction()
    await trx('items').insert({ id: 2 })
    await trx.commit()
    const error = await rejection(trx.transaction(async () => undefined))
    expect(error).toMatchObject({ code: 'FLATTEN_OPTIONS' })
    expect(error.message).toMatch(/is already complete/)
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it.each(['callback', 'promise'])(
    'is doomed where a scope ends around an open one, whatever doomOn says, %s',
    async (form) => {
      class Declined extends Error {}
      const { db } = connectFlat(database, { knex }, { doomOn: (error) => !(error instanceof Declined) })
      const trx = await db.transaction()
      let child!: Promise<unknown>
      let release!: () => void
      const held = new Promise<void>((resolve) => (release = resolve))
      if (form === 'callback') {
        await rejection(
          trx.transaction(async (scope) => {
            await new Promise<void>((started) => {
              child = scope.transaction(async (inner) => {
                await inner('items').insert({ id: 2 })
                started()
                await held
              })
              child.catch(() => undefined)
            })
            throw new Declined()
          }),
        )
        release()
      } else {
        const scope = await trx.transaction()
        const inner = await scope.transaction()
        await inner('items').insert({ id: 2 })
        await scope.rollback(new Declined())
        child = Promise.resolve(inner.commit())
      }
      expect(await rejection(child)).toBeInstanceOf(RollbackOnlyError)
      expect(await rejection(trx.commit())).toMatchObject({ cause: { code: 'FLATTEN_SCOPE_OPEN' } })
      expect(await idsIn(database)).toEqual([1])
    },
  )

  it.each(['alone', 'behind a sibling'])(
    'forgets a scope whose isolation level Knex refuses at once, %s',
    async (where) => {
      const { db } = open()
      const trx = await db.transaction()
      const sibling = where === 'alone' ? undefined : await trx.transaction()
      const unknown = { isolationLevel: 'eventual' as any }
      expect(() => trx.transaction(async () => undefined, unknown)).toThrow(/Invalid isolationLevel/)
      await sibling?.commit()
      await trx.transaction(async (scope) => scope('items').insert({ id: 2 }))
      await trx.commit()
      expect(await idsIn(database)).toEqual([1, 2])
    },
  )

  it.each(['has begun', 'waits for its connection'])(
    'leaves a transaction alone that %s when the instance is wrapped',
    async (state) => {
      const { db } = database.connect({ knex })
      const opening = db.transaction()
      if (state === 'has begun') await opening
      flatten(db)
      const early = await opening
      await early.transaction(async (scope) => scope('items').insert({ id: 2 }))
      await early.commit()
      expect(await idsIn(database)).toEqual([1, 2])
    },
  )
})
