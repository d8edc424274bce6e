import type { Knex } from 'knex'
import { flatten } from 'knex-flatten'
import { describe, expect, test } from 'vitest'
import { useDatabase } from '../setup/database.ts'
import { compiled, rewritten, textOf, type Program } from './suggested-program.ts'

const rules = { 'knex-flatten/no-upsert': 'error' } as const
const inTransaction = (lines: string): string => `
    const id = at(2)
    return knex.transaction(async (trx) => {
      ${lines}
      await trx('items').insert({ id: at(5) })
    })`

/** Bodies of programs that look first, by what is suggested for them. */
const lookups: Record<string, [messageId: string, body: string]> = {
  'a row that only has to be there': [
    'useGetOrCreate',
    inTransaction(`
      const found = await trx('items').where({ id }).first()
      if (!found) await trx('items').insert({ id, name: 'new' })`),
  ],
  'a row that is kept': [
    'useGetOrCreate',
    inTransaction(`
      let found = await trx('items').where({ id }).first()
      if (found === undefined) [found] = await trx('items').insert({ id, name: 'new' }).returning('*')
      await trx('items').insert({ id: 9, name: found.name })`),
  ],
  'the same values, new or not': [
    'useUpdateOrCreate',
    inTransaction(`
      const found = await trx('items').where({ id }).first('id')
      if (found) {
        await trx('items').where({ id }).update({ name: 'written' })
      } else {
        await trx('items').insert({ id, name: 'written' })
      }`),
  ],
  'other values for a new row': [
    'useUpdateOrCreate',
    inTransaction(`
      const found = await trx('items').where({ id }).first()
      if (!found) await trx('items').insert({ id, name: 'new', visits: 1 })
      else await trx('items').where({ id }).update({ visits: trx.raw('visits + 1') })`),
  ],
}

/** Bodies of programs that catch the conflict. */
const caught: Record<string, [messageId: string, body: string]> = {
  'a conflict that is nothing': [
    'useTryInsert',
    inTransaction(`
      try {
        await trx('items').insert({ id, name: 'new' })
      } catch (error) {
        if (error.code !== '23505') throw error
      }`),
  ],
  'an update where there is a conflict': [
    'useUpdateOrCreate',
    inTransaction(`
      try {
        await trx('items').insert({ id, name: 'new', visits: 1 })
      } catch (error) {
        if (error.code !== '23505') throw error
        await trx('items').where({ id }).update({ visits: trx.raw('visits + 1') })
      }`),
  ],
}

const database = useDatabase((primary) =>
  primary.query('create table items (id int primary key, name text, visits int not null default 0)'),
)

const rows = () => database.rows('select id, name, visits from items order by id')

async function outcomeOf(
  program: Program,
  knex: Knex,
  there: readonly number[],
  failing?: string,
): Promise<unknown> {
  await database.rows('delete from items')
  for (const id of there) await database.rows(`insert into items values (${id}, 'old', 7)`)
  const at = (id: number): number => {
    if (failing === `throw ${id}`) throw new Error(failing)
    return failing === `conflict ${id}` ? 1 : id
  }
  const ended = await program(knex, at).then(
    (value) => ({ value }),
    (error: unknown) => ({ error: (error as Error).message }),
  )
  return { ended, rows: await rows() }
}

const states: [string, number[]][] = [
  ['there is none', [1]],
  ['there is one', [1, 2]],
]

describe.each(Object.entries(lookups))('%s', (_, [messageId, body]) => {
  const after = rewritten(body, rules, [messageId])

  describe.each(states)('where %s', (_, there) => {
    test.each(['nothing', 'throw 2', 'throw 5', 'conflict 5'])(
      'ends as before where %s fails',
      async (failing) => {
        const knex = flatten(database.connect().db)
        const before = await outcomeOf(compiled(textOf(body)), knex, there, failing)
        expect(await outcomeOf(compiled(after), knex, there, failing)).toEqual(before)
      },
    )
  })

  test('of two at once, where one failed before, each ends well', async () => {
    const knex = flatten(database.connect().db)
    await database.rows('delete from items')
    // The rows beside it are each one's own.
    const own = compiled(after.replace('insert({ id: 9, name: found.name })', 'where({ id: 9 })'))
    const ended = await Promise.allSettled(
      [10, 20].map((shift) => own(knex, (id) => (id === 2 ? 2 : id + shift))),
    )
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect((await rows()).map(({ id }) => id)).toEqual([2, 15, 25])
  })
})

describe.each(Object.entries(caught))('%s', (_, [messageId, body]) => {
  const after = rewritten(body, rules, [messageId])

  test.each(['nothing', 'throw 2', 'throw 5', 'conflict 5'])(
    'ends as before where %s fails and there is none',
    async (failing) => {
      const knex = flatten(database.connect().db)
      const before = await outcomeOf(compiled(textOf(body)), knex, [1], failing)
      expect(await outcomeOf(compiled(after), knex, [1], failing)).toEqual(before)
    },
  )

  test('does where there is one what could not be done before', async () => {
    const knex = flatten(database.connect().db)
    const there = [
      { id: 1, name: 'old', visits: 7 },
      { id: 2, name: 'old', visits: 7 },
    ]
    const before = await outcomeOf(compiled(textOf(body)), knex, [1, 2])
    expect(before).toEqual({ ended: { error: expect.any(String) }, rows: there })
    const visits = messageId === 'useUpdateOrCreate' ? 8 : 7
    expect(await outcomeOf(compiled(after), knex, [1, 2])).toEqual({
      ended: { value: undefined },
      rows: [there[0], { ...there[1], visits }, { id: 5, name: null, visits: 0 }],
    })
  })
})
