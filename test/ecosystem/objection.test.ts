import type { Knex } from 'knex'
import { flatten, UnexpectedRollbackError } from 'knex-flatten'
import { Model, transaction, type TransactionOrKnex } from 'objection'
import { beforeEach, describe, expect, it } from 'vitest'
import { useDatabase } from '../setup/database.ts'
import { knexVersions } from '../setup/knex-versions.ts'

class Person extends Model {
  static override tableName = 'people'

  id!: number
  name!: string
}

describe.each(knexVersions)('Objection on a flattened Knex %s', (_version, knex) => {
  const database = useDatabase((primary) =>
    primary.query('create table people (id serial primary key, name text unique)'),
  )
  beforeEach(() => database.rows('delete from people'))

  function open(): { db: Knex; transactions: () => Promise<string[]> } {
    const { db, received } = database.connect({ knex })
    return {
      db: flatten(db),
      transactions: async () =>
        (await received()).filter((sql) => /^(begin|commit|rollback|savepoint|release)/i.test(sql)),
    }
  }

  const add = async (trx: TransactionOrKnex, name: string) => Person.query(trx).insert({ name })
  const names = async () =>
    (await database.rows('select name from people order by name')).map(({ name }) => name)

  const nestings: [string, (trx: Knex.Transaction) => Promise<unknown>][] = [
    ['Model.transaction(trx, callback)', (trx) => Person.transaction(trx, (inner) => add(inner, 'inner'))],
    ['transaction(trx, callback)', (trx) => transaction(trx, (inner) => add(inner, 'inner'))],
    [
      'Model.startTransaction(trx)',
      async (trx) => {
        const inner = await Person.startTransaction(trx)
        await add(inner, 'inner')
        await inner.commit()
      },
    ],
    [
      'a model bound to trx',
      (trx) => transaction(Person.bindKnex(trx), async (Bound) => Bound.query().insert({ name: 'inner' })),
    ],
  ]
  it.each(nestings)('joins the transaction with %s', async (_how, nest) => {
    const { db, transactions } = open()
    await Person.transaction(db, async (trx) => {
      await add(trx, 'outer')
      await nest(trx)
    })
    expect(await transactions()).toEqual(['BEGIN;', 'COMMIT;'])
    expect(await names()).toEqual(['inner', 'outer'])
  })

  it('opens roots on the instance a model is bound to', async () => {
    const { db, transactions } = open()
    const Bound = Person.bindKnex(db)
    await Bound.transaction(async (trx) => {
      await Bound.query(trx).insert({ name: 'outer' })
      await Bound.transaction(trx, async (inner) => Bound.query(inner).insert({ name: 'inner' }))
    })
    expect(await transactions()).toEqual(['BEGIN;', 'COMMIT;'])
    expect(Bound.knex()).toBe(db)
  })

  it('rejects the root when an inner failure is swallowed, though Objection wraps the error', async () => {
    const { db } = open()
    const outcome = Person.transaction(db, async (trx) => {
      await add(trx, 'twice')
      await Person.transaction(trx, (inner) => add(inner, 'twice')).catch(() => 'swallowed')
    })
    await expect(outcome).rejects.toBeInstanceOf(UnexpectedRollbackError)
    await expect(outcome).rejects.toMatchObject({ cause: { code: '23505' } })
    expect(await names()).toEqual([])
  })
})
