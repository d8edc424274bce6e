import type { Knex } from 'knex'
import {
  flatten,
  isRollbackOnly,
  rollbackReason,
  setRollbackOnly,
  UnexpectedRollbackError,
} from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'

describe('the mark that a transaction can only be rolled back', () => {
  const database = useItems()
  beforeEach(() => database.rows('delete from items; insert into items values (1)'))
  const open = () => connectFlat(database).db
  const insert = (on: Knex, id: number) => on('items').insert({ id })

  it('is set by hand, at any depth, with a reason', async () => {
    const reason = new Error('dry run')
    const error = await rejection(
      open().transaction(async (trx) => {
        await insert(trx, 2)
        expect(isRollbackOnly(trx)).toBe(false)
        expect(rollbackReason(trx)).toBeUndefined()
        await trx.transaction(async (scope) => setRollbackOnly(scope, reason)).catch(() => undefined)
        expect(isRollbackOnly(trx)).toBe(true)
        expect(rollbackReason(trx)).toBe(reason)
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toBe(reason)
    expect(error.message).toMatch(/marked by setRollbackOnly\(\) in the scope .*: Error: dry run/)
    expect(await idsIn(database)).toEqual([1])
  })

  it('is set by a failed statement, and the first reason stays', async () => {
    await rejection(
      open().transaction(async (trx) => {
        const failed = await rejection(insert(trx, 1))
        setRollbackOnly(trx, 'another')
        expect(rollbackReason(trx)).toBe(failed)
      }),
    )
  })

  it('says that no reason was given', async () => {
    const error = await rejection(open().transaction(async (trx) => setRollbackOnly(trx)))
    expect(error.message).toMatch(/marked by setRollbackOnly\(\) in the transaction .*: no reason was given/)
  })

  it('is asked in vain of a transaction that was opened before its instance was wrapped', async () => {
    const { db } = database.connect()
    const early = await db.transaction()
    flatten(db)
    expect(() => isRollbackOnly(early)).toThrow(/not inside a transaction of a flattened instance/)
    await early.rollback()
  })

  it('is asked of a running transaction only', async () => {
    const db = open()
    expect(() => isRollbackOnly(db)).toThrow(/not inside a transaction of a flattened instance/)
    const trx = await db.transaction()
    await trx.rollback()
    expect(() => setRollbackOnly(trx)).toThrow(/has ended already/)
  })
})
