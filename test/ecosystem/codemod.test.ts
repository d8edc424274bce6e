import type { Knex } from 'knex'
import { flatten } from 'knex-flatten'
import { describe, expect, test } from 'vitest'
import { useDatabase } from '../setup/database.ts'
import { compiled, rewritten, textOf, type Program } from './suggested-program.ts'

/** Bodies of functions of a Knex and of `at`, which gives an id, or fails there, or gives one that is taken. */
const programs: Record<string, string> = {
  'one statement': `
    await knex.transaction(async (trx) => {
      await trx('items').insert({ id: at(2) })
      await trx.transaction(async (inner) => {
        await inner('items').insert({ id: at(3) })
        await inner('items').where({ id: 2 }).update({ id: at(4) })
      })
      await trx('items').insert({ id: at(5) })
    })`,
  'names of its own': `
    await knex.transaction(async (trx) => {
      await trx.transaction(async (inner) => {
        const rows = await inner('items').insert({ id: at(2) }).returning('id')
        await inner('items').insert({ id: rows[0].id + at(1) })
      })
      await trx('items').insert({ id: at(5) })
    })`,
  'a value': `
    return knex.transaction(async (trx) => {
      const rows = await trx.transaction(async (inner) => {
        await inner('items').insert({ id: at(2) })
        return inner('items').insert({ id: at(3) }).returning('id')
      })
      await trx('items').insert({ id: at(5) })
      return rows
    })`,
  'an expression': `
    return knex.transaction(async (trx) => {
      const rows = await trx.transaction((inner) => inner('items').insert({ id: at(2) }).returning('id'))
      await trx('items').insert({ id: at(5) })
      return rows
    })`,
  'a return of the outer callback': `
    return knex.transaction(async (trx) => {
      await trx('items').insert({ id: at(5) })
      return trx.transaction(async (inner) => {
        await inner('items').insert({ id: at(2) })
        return inner('items').insert({ id: at(3) }).returning('id')
      })
    })`,
  'a return in the middle': `
    await knex.transaction(async (trx) => {
      await trx.transaction(async (inner) => {
        await inner('items').insert({ id: at(2) })
        if (at(0) === 0) return
        await inner('items').insert({ id: 9 })
      })
      await trx('items').insert({ id: at(5) })
    })`,
  'three levels': `
    await knex.transaction(async (trx) => {
      await trx.transaction(async (a) => {
        await a('items').insert({ id: at(2) })
        await a.transaction(async (b) => {
          await b('items').insert({ id: at(3) })
        })
        await a('items').insert({ id: at(4) })
      })
      await trx('items').insert({ id: at(5) })
    })`,
  'an error under another name': `
    await knex.transaction(async (trx) => {
      try {
        await trx.transaction(async (inner) => {
          await inner('items').insert({ id: at(2) })
        })
      } catch (error) {
        throw new Error('not inserted: ' + error.message)
      }
      await trx('items').insert({ id: at(5) })
    })`,
  'a rollback by hand': `
    const trx = await knex.transaction()
    try {
      await trx.transaction(async (inner) => {
        await inner('items').insert({ id: at(2) })
      })
      await trx('items').insert({ id: at(5) })
      await trx.commit()
    } catch (error) {
      await trx.rollback(error)
      throw error
    }`,
  'a savepoint': `
    await knex.transaction(async (trx) => {
      await trx.savepoint(async (inner) => {
        await inner('items').insert({ id: at(2) })
      })
      await trx('items').insert({ id: at(5) })
    })`,
  'a batch': `
    await knex.transaction(async (trx) => {
      await trx.batchInsert('items', [{ id: at(2) }, { id: at(3) }, { id: at(4) }], 2)
      await trx('items').insert({ id: at(5) })
    })`,
}

/** Here nothing hangs on a caller, so that what is suggested under a condition is proven too: the codemod leaves it. */
const conditional: Record<string, string> = {
  'the promise form': `
    await knex.transaction(async (trx) => {
      await trx('items').insert({ id: at(2) })
      const inner = await trx.transaction()
      await inner('items').insert({ id: at(3) })
      await inner('items').where({ id: 2 }).update({ id: at(4) })
      await inner.commit()
      await trx('items').insert({ id: at(5) })
    })`,
}

const withoutCondition = ['useOuter', 'runInTransaction']
const rules = { 'knex-flatten/no-nested-transaction': 'error', 'knex-flatten/no-savepoint': 'error' } as const

const database = useDatabase((primary) => primary.query('create table items (id int primary key)'))

/** How it ends, and what it leaves behind; each mention of an id may fail, by itself or in the database. */
async function outcomeOf(program: Program, knex: Knex, failing: string): Promise<unknown> {
  await database.rows('delete from items; insert into items values (1)')
  const at = (id: number): number => {
    if (failing === `throw ${id}`) throw new Error(failing)
    return failing === `conflict ${id}` ? 1 : id
  }
  const ended = await program(knex, at).then(
    (value) => ({ value }),
    (error: unknown) => ({ error: (error as Error).message }),
  )
  return { ended, rows: await database.rows('select id from items order by id') }
}

describe.each([
  ['Knex', (db: Knex) => db],
  ['a flattened Knex', (db: Knex) => flatten(db)],
])('on %s', (_, prepare) => {
  describe.each(Object.entries({ ...programs, ...conditional }))('%s', (name, body) => {
    const suggestions = name in conditional ? [...withoutCondition, 'useOuterUncaught'] : withoutCondition
    const after = rewritten(body, rules, suggestions)
    const ids = [...new Set([...body.matchAll(/at\((\d)\)/gu)].map(([, id]) => id!))]
    const failures = ['nothing', ...ids.flatMap((id) => [`throw ${id}`, `conflict ${id}`])]

    test.each(failures)(`ends as before where %s fails`, async (failing) => {
      const { db, received } = database.connect()
      const knex = prepare(db)
      const before = await outcomeOf(compiled(textOf(body)), knex, failing)
      await received()
      expect(await outcomeOf(compiled(after), knex, failing)).toEqual(before)
      expect((await received()).filter((sql) => /savepoint/iu.test(sql))).toEqual([])
    })
  })
})
