import { flatten, UnexpectedRollbackError } from 'knex-flatten'
import { onReader, onWriter, route, withWriter } from 'knex-flatten/routing'
import { Model, raw, transaction } from 'objection'
import { beforeEach, describe, expect, it } from 'vitest'
import { placeOf, WHERE } from '../../packages/knex-flatten/test/routing/routes.ts'
import { useDatabase } from '../setup/database.ts'
import { knexVersions } from '../setup/knex-versions.ts'

class Person extends Model {
  static override tableName = 'people'

  id!: number
  name!: string
  reader!: boolean
}

describe.each(knexVersions)('behind route(), Knex %s', (_version, knex) => {
  const database = useDatabase((primary) =>
    primary.query('create table people (id serial primary key, name text unique)'),
  )
  beforeEach(() => database.rows('delete from people'))

  const open = (writes: 'forward' | 'writer' | 'auto') =>
    route({
      reader: database.connect({ knex, url: database[writes === 'writer' ? 'standbyUrl' : 'readerUrl'] }).db,
      writer: database.connect({ knex }).db,
      writes,
    })
  const names = async () =>
    (await database.rows('select name from people order by name')).map(({ name }) => name)

  it.each(['forward', 'writer', 'auto'] as const)(
    'runs what it runs where it belongs (writes: %s)',
    async (writes) => {
      const db = open(writes)
      expect(await placeOf(db)).toBe('reader')
      await db('people').insert({ name: 'one' })
      await db.transaction(async (trx) => {
        await trx('people').insert({ name: 'two' })
        await trx.transaction((inner) => inner('people').insert({ name: 'three' }))
      })
      await db.transaction(async (trx) => expect(await placeOf(trx)).toBe('reader'), { readOnly: true })
      await db.transaction(async (trx) => expect(await placeOf(trx)).toBe('writer'), { target: 'writer' })
      expect(await placeOf(onWriter(db.raw(WHERE)))).toBe('writer')
      expect(await withWriter(() => placeOf(db))).toBe('writer')
      const rows: unknown[] = []
      for await (const row of onReader(db.raw(WHERE)).stream()) rows.push(row)
      expect(rows).toEqual([{ reader: true }])
      await db.schema.createTable('made', (table) => void table.integer('id'))
      await db.schema.dropTable('made')
      expect(await names()).toEqual(['one', 'three', 'two'])
      await db.destroy()
    },
  )

  it('runs what Objection does with it', async () => {
    const db = open('auto')
    const Bound = Person.bindKnex(db)
    const whereIs = raw('pg_is_in_recovery()').as('reader')
    await Bound.query().insert({ name: 'one' })
    await transaction(Bound, async (InTransaction) => {
      await InTransaction.query().insert({ name: 'two' })
      await InTransaction.transaction(async (inner) => InTransaction.query(inner).insert({ name: 'three' }))
      expect(await InTransaction.query().select(whereIs).first()).toMatchObject({ reader: false })
    })
    const trx = await Bound.startTransaction()
    await Bound.query(trx).patch({ name: 'zwei' }).where({ name: 'two' })
    await trx.commit()
    expect(await names()).toEqual(['one', 'three', 'zwei'])
    await expect.poll(() => Bound.query().select(whereIs).first()).toMatchObject({ reader: true })
    expect(await withWriter(async () => Bound.query().select(whereIs).first())).toMatchObject({
      reader: false,
    })
    const doomed = Bound.transaction(async (inner) => {
      await Bound.query(inner)
        .insert({ name: 'one' })
        .catch(() => 'swallowed')
    })
    await expect(doomed).rejects.toBeInstanceOf(UnexpectedRollbackError)
    expect(() => flatten(db, { nested: 'throw' })).toThrow(/wrapped already/)
    await db.destroy()
  })
})
