import createKnex, { type Knex } from 'knex'
import { flatten, TransactionOptionsError } from 'knex-flatten'
import { beginTestTransaction, inTestTransaction, type TestTransactionOptions } from 'knex-flatten/testing'
import { describe, expect, it } from 'vitest'
import { connectFlat, rejection } from '../items.ts'
import { useTestedItems } from './kit.ts'

describe('a test transaction', () => {
  const { database, open } = useTestedItems()

  describe('is refused', () => {
    const fn = async () => undefined
    const refused = async (promise: PromiseLike<unknown>) => {
      const error = await rejection(promise)
      expect(error).toBeInstanceOf(TransactionOptionsError)
      return (error as Error).message
    }

    it('on what is no flattened instance', async () => {
      const plain = database.connect().db
      const db = open()
      for (const wrong of [plain, {}, undefined]) {
        expect(await refused(inTestTransaction(wrong as Knex, fn))).toBe(
          'inTestTransaction(db, fn, options): db must be what flatten(knex) returned.',
        )
      }
      await db.transaction(async (trx) => {
        expect(await refused(beginTestTransaction(trx))).toMatch(/db must be what flatten\(knex\) returned/)
      })
      expect(await refused(inTestTransaction(open({ nested: 'observe' }), fn))).toMatch(/db is only observed/)
    })

    it('on a reader, whose connection it gives back', async () => {
      for (const url of [database.readerUrl, database.standbyUrl]) {
        const { db } = connectFlat(database, { url, config: { pool: { max: 1 } } })
        expect(await refused(inTestTransaction(db, fn))).toMatch(
          /The test transaction \(opened at .*\) was not begun: its server is in recovery/,
        )
        expect((await db.raw('select 1 as one')).rows).toEqual([{ one: 1 }])
      }
    })

    it('inside another, and at the same time', async () => {
      const db = open()
      await inTestTransaction(db, async () => {
        expect(await refused(inTestTransaction(db.withUserParams({}), fn))).toMatch(
          /db is inside the test transaction \(opened at .*bad-input\.test\.ts:\d+:\d+\) already/,
        )
      })
      const [one, other] = [inTestTransaction(db, fn), inTestTransaction(db, fn)]
      await refused(other)
      await one
    })

    it('inside a transaction that db would find, and run in', async () => {
      const db = open({ ambient: true })
      await db.transaction(
        async () => {
          expect(await refused(inTestTransaction(db, fn))).toMatch(
            /db is used inside the transaction "outer" \(opened at .*\), and would run in that\. Begin the test transaction outside of it\./,
          )
        },
        { name: 'outer' },
      )
    })

    it('with wrong arguments', async () => {
      const db = open()
      const wrong = (options: unknown) =>
        refused(inTestTransaction(db, fn, options as TestTransactionOptions))
      expect(await refused(inTestTransaction(db, 'test' as never))).toMatch(
        /fn must be a function, not "test"/,
      )
      expect(await wrong(7)).toMatch(/options must be an object, not 7/)
      expect(await wrong({ level: 1 })).toMatch(
        /no option "level". Known options: isolationLevel, stuckAfterMs/,
      )
      expect(await wrong({ isolationLevel: 'snapshot' })).toMatch(/isolationLevel must be "read committed", /)
      expect(await wrong({ stuckAfterMs: 0 })).toMatch(
        /stuckAfterMs must be a positive number of milliseconds, not 0/,
      )
    })

    it('where the server cannot be reached, and can be tried again', async () => {
      const db = flatten(
        createKnex({
          client: 'pg',
          connection: 'postgres://localhost:1/none',
          log: { warn: () => undefined },
        }),
      )
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(await rejection(inTestTransaction(db, fn))).toMatchObject({ code: 'ECONNREFUSED' })
      }
      await db.destroy()
    })
  })
})
