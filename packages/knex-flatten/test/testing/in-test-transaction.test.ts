import type { Knex } from 'knex'
import {
  afterCommit,
  afterCompletion,
  afterRollback,
  beforeCommit,
  DurableTransactionError,
  RollbackOnlyError,
  setRollbackOnly,
  UnexpectedRollbackError,
} from 'knex-flatten'
import { inTestTransaction } from 'knex-flatten/testing'
import { describe, expect, it } from 'vitest'
import { knexVersions } from '../../../../test/setup/knex-versions.ts'
import { idsIn, rejection } from '../items.ts'
import { ids, insert, useTestedItems } from './kit.ts'

describe.each(knexVersions)('in a test transaction on Knex %s', (_version, knex) => {
  const { database, open } = useTestedItems(knex)
  const boom = new Error('boom')

  it('what is stored stays for the test, and for nobody else, and is gone afterwards', async () => {
    const db = open()
    const result = await inTestTransaction(db, async (on) => {
      expect(on).toBe(db)
      await insert(db, 1)
      await db.transaction((trx) => insert(trx, 2))
      const trx = await db.transaction()
      await insert(trx, 3)
      await trx.commit()
      expect(await ids(db)).toEqual([1, 2, 3])
      expect(await idsIn(database)).toEqual([])
      return 'the result'
    })
    expect(result).toBe('the result')
    expect(await ids(db)).toEqual([])
  })

  it('everything is gone when the test fails, and the error is its own', async () => {
    const db = open()
    const failed = inTestTransaction(db, async () => {
      await insert(db, 1)
      throw boom
    })
    expect(await rejection(failed)).toBe(boom)
    expect(await ids(db)).toEqual([])
  })

  it('a transaction that is rolled back loses its own rows alone', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      await insert(db, 1)
      const failed = db.transaction(async (trx) => {
        await insert(trx, 2)
        throw boom
      })
      expect(await rejection(failed)).toBe(boom)
      const trx = await db.transaction()
      await insert(trx, 3)
      await trx.rollback()
      await db.transaction((other) => insert(other, 4))
      expect(await ids(db)).toEqual([1, 4])
    })
  })

  it('a failed query outside of any transaction fails alone', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      await insert(db, 1)
      expect(await rejection(insert(db, 1))).toMatchObject({ code: '23505' })
      await db.schema.createTable('more', (table) => table.integer('id').primary())
      await db('more').insert({ id: 1 })
      expect(
        await rejection(db.raw('insert into more values (2); insert into more values (1)')),
      ).toMatchObject({
        code: '23505',
      })
      expect(await db('more').pluck('id')).toEqual([1])
      expect(await ids(db)).toEqual([1])
    })
  })

  it('what is flattened stays flattened', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      const swallowed = db.transaction(async (trx) => {
        await insert(trx, 1)
        await trx.transaction((scope) => insert(scope, 1)).catch(() => 'swallowed')
      })
      const error = await rejection(swallowed)
      expect(error).toBeInstanceOf(UnexpectedRollbackError)
      expect(error.cause).toMatchObject({ code: '23505' })
      const refused = db.transaction(async (trx) => {
        setRollbackOnly(trx, boom)
        await insert(trx, 2)
      })
      expect(await rejection(refused)).toBeInstanceOf(RollbackOnlyError)
      await db.transaction(async (trx) => {
        await insert(trx, 3)
        await rejection(trx.transaction((scope) => insert(scope, 3), { savepoint: true }))
        await trx.transaction((scope) => insert(scope, 4), { savepoint: true })
      })
      expect(await ids(db)).toEqual([3, 4])
    })
  })

  it('a COMMIT that PostgreSQL would answer with ROLLBACK is an unexpected rollback', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      const failed = db.transaction(async (trx) => {
        const connection = await trx.client.acquireConnection()
        await insert(trx, 1)
        // Past Knex, so that nobody hears of it.
        await connection.query('select 1/0').catch(() => 'swallowed')
      })
      expect(await rejection(failed)).toMatchObject({
        name: 'UnexpectedRollbackError',
        message: expect.stringContaining('answered the COMMIT'),
      })
      expect(await ids(db)).toEqual([])
    })
  })

  it('a deferred constraint is checked where COMMIT would have, and deferred again in the next', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      for (let round = 0; round < 2; round++) {
        const failed = db.transaction(async (trx) => {
          await trx('orders').insert({ item: 7 })
        })
        expect(await rejection(failed)).toMatchObject({ code: '23503' })
      }
      for (const id of [1, 2]) {
        await db.transaction(async (trx) => {
          await trx('orders').insert({ item: id })
          await insert(trx, id)
        })
      }
      expect(await rejection(db('orders').insert({ item: 8 }))).toMatchObject({ code: '23503' })
      expect(await db('orders').pluck('item')).toEqual([1, 2])
    })
  })

  it('a constraint that is immediate by itself stays so', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      await db.raw('create table more (id int unique deferrable)')
      await db.transaction((trx) => trx.raw('set constraints all deferred'))
      const failed = db.transaction(async (trx) => {
        await trx('more').insert({ id: 1 })
        await rejection(trx('more').insert({ id: 1 }))
      })
      expect(await rejection(failed)).toBeInstanceOf(UnexpectedRollbackError)
    })
  })

  it('hooks run behind what would have been COMMIT, and find what is stored', async () => {
    const db = open()
    const ran: unknown[] = []
    const all = (trx: Knex) => {
      beforeCommit(trx, () => insert(trx, 2))
      afterCommit(trx, async () => ran.push(await ids(db)))
      afterCommit(trx, () => ran.push('visible'), { when: 'visible-on-reader' })
      afterRollback(trx, (error) => ran.push(error))
      afterCompletion(trx, (outcome) => ran.push(outcome))
    }
    await inTestTransaction(db, async () => {
      await db.transaction(async (trx) => {
        all(trx)
        await insert(trx, 1)
        expect(ran).toEqual([])
      })
      expect(ran.splice(0)).toEqual([[1, 2], 'visible', 'committed'])
      const failed = db.transaction((trx) => {
        all(trx)
        throw boom
      })
      expect(await rejection(failed)).toBe(boom)
      expect(ran).toEqual([boom, 'rolled-back'])
    })
  })

  it('a durable transaction is a root, and refused inside another', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      await db.transaction((trx) => insert(trx, 1), { durable: true })
      const inside = db.transaction((trx) => trx.transaction((scope) => insert(scope, 2), { durable: true }))
      expect(await rejection(inside)).toBeInstanceOf(DurableTransactionError)
      expect(await ids(db)).toEqual([1])
    })
  })

  it('a transaction that is read-only refuses writes, and the next does not', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      const failed = db.transaction((trx) => insert(trx, 1), { readOnly: true })
      expect(await rejection(failed)).toMatchObject({ code: '25006' })
      expect(await db.transaction((trx) => ids(trx), { readOnly: true })).toEqual([])
      await insert(db, 1)
      await db.transaction((trx) => insert(trx, 2))
      expect(await ids(db)).toEqual([1, 2])
    })
  })

  it('a transaction is run again, and what it wrote before is gone', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      let run = 0
      await db.transaction(
        async (trx) => {
          run++
          await insert(trx, run)
          if (run < 3) await trx.raw(`do $$ begin raise sqlstate '40001'; end $$`)
        },
        { retry: { minDelayMs: 1 } },
      )
      expect(await ids(db)).toEqual([3])
    })
  })
})
