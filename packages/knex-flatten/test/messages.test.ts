import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { UnexpectedRollbackError } from 'knex-flatten'
import { connectFlat, rejection, useItems } from './items.ts'

describe('an error as Node prints it', () => {
  const database = useItems()

  it("begins its stack at the user's call, past Knex's own frames", async () => {
    const { db } = connectFlat(database)
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx.transaction(() => Promise.reject(new Error('declined'))).catch(() => 'swallowed')
      }),
    )
    const [first] = error.stack.split('\n').filter((line: string) => line.startsWith('    at '))
    expect(first).toContain('messages.test.ts')
  })

  it('knows a transaction by its name alone where lines are not noted', async () => {
    const { db } = connectFlat(database, {}, { callSites: false })
    const error = await rejection(
      db.transaction(
        async (trx) => {
          await trx.transaction(() => Promise.reject(new Error('declined'))).catch(() => 'swallowed')
        },
        { name: 'pay' },
      ),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.message).toContain('transaction "pay"')
    expect(error.message).not.toContain('opened at')
  })

  it('mentions no cause where there is none', async () => {
    const { db } = connectFlat(database)
    const trx = await db.transaction()
    await (await trx.transaction()).rollback()
    const error = await rejection(trx.commit())
    expect(inspect(error)).not.toContain('[cause]')
  })

  it('advises to run a transaction again whose connection was lost, not to do without savepoints', async () => {
    const { db } = connectFlat(database)
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx.raw('select pg_terminate_backend(pg_backend_pid())').catch(() => 'swallowed')
      }),
    )
    expect(error.message).toMatch(/\nThe connection was lost, and the transaction with it\. Run the whole/)
    expect(error.message).not.toContain('savepoints')
  })
})
