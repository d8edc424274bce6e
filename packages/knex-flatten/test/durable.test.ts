import { beforeEach, describe, expect, it } from 'vitest'
import { DurableTransactionError } from 'knex-flatten'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'

describe('a durable transaction', () => {
  const database = useItems()

  beforeEach(() => database.rows('delete from items'))

  it('runs as a root', async () => {
    const { db } = connectFlat(database)
    await db.transaction(async (trx) => trx('items').insert({ id: 1 }), { durable: true })
    expect(await idsIn(database)).toEqual([1])
  })

  it('is refused inside another one before anything is sent, and dooms nothing', async () => {
    const { db, received } = connectFlat(database)
    let ran = false
    await db.transaction(async (trx) => {
      const refused = trx.transaction(
        async () => {
          ran = true
        },
        { durable: true, name: 'pay' },
      )
      const error = await rejection(refused)
      expect(error).toBeInstanceOf(DurableTransactionError)
      expect(error).toMatchObject({ code: 'FLATTEN_DURABLE' })
      expect(error.message).toMatch(/The durable transaction "pay" was asked for inside the transaction/)
      expect(await rejection(trx.transaction(undefined, { durable: true }))).toBeInstanceOf(
        DurableTransactionError,
      )
    })
    expect(ran).toBe(false)
    expect(await received()).toEqual(['BEGIN;', 'COMMIT;'])
  })
})
