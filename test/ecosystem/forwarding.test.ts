import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import { flatten, UnexpectedRollbackError } from 'knex-flatten'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../setup/database.ts'
import { knexVersions } from '../setup/knex-versions.ts'
import { savepointsReceived } from '../setup/server-log.ts'

describe.each(knexVersions)('on a forwarding reader, Knex %s', (_version, knex) => {
  const database = useDatabase((primary) =>
    primary.query('create table items (id uuid primary key default gen_random_uuid(), name text unique)'),
  )
  const connect = () => database.connect({ knex, url: database.readerUrl }).db

  const threeLevels = (db: Knex, prefix: string) =>
    db.transaction(async (one) => {
      await one('items').insert({ name: `${prefix} one` })
      await one.transaction(async (two) => {
        await two('items').insert({ name: `${prefix} two` })
        await two.transaction(async (three) => {
          await three('items').insert({ name: `${prefix} three` })
          // A read sees what the transaction has written.
          expect(await three('items').where('name', 'like', `${prefix}%`)).toHaveLength(3)
        })
      })
    })

  const rowsNamed = (prefix: string) => database.rows(`select * from items where name like '${prefix}%'`)

  it('is refused with the rule when plain, and nothing is stored', async () => {
    const prefix = randomUUID()
    await expect(threeLevels(connect(), prefix)).rejects.toMatchObject({
      code: '0A000',
      message: expect.stringContaining('rule "savepoint"'),
    })
    expect(await rowsNamed(prefix)).toEqual([])
  })

  it('runs when wrapped, and its own reads see it afterwards', async () => {
    const prefix = randomUUID()
    const db = flatten(database.connect({ knex, url: database.readerUrl, config: { pool: { max: 1 } } }).db)
    await threeLevels(db, prefix)
    expect(await rowsNamed(prefix)).toHaveLength(3)
    expect(await db('items').where('name', 'like', `${prefix}%`)).toHaveLength(3)
  })

  it('is rolled back on the primary, loudly, when a failure inside is swallowed', async () => {
    const prefix = randomUUID()
    const db = flatten(connect())
    const outcome = db.transaction(async (trx) => {
      await trx('items').insert({ name: `${prefix} kept?` })
      await trx
        .transaction(async (inner) => inner('items').insert({ name: `${prefix} kept?` }))
        .catch(() => 'swallowed')
    })
    await expect(outcome).rejects.toBeInstanceOf(UnexpectedRollbackError)
    await expect(outcome).rejects.toMatchObject({ cause: { code: '23505' } })
    expect(await rowsNamed(prefix)).toEqual([])
  })

  it('runs batchInsert on a transaction when wrapped', async () => {
    const prefix = randomUUID()
    const db = flatten(connect())
    const rows = [1, 2, 3].map((number) => ({ name: `${prefix} ${number}` }))
    await db.transaction(async (trx) => await trx.batchInsert('items', rows, 2))
    expect(await rowsNamed(prefix)).toHaveLength(3)
  })

  it('lets no savepoint reach either server', async () => {
    await expect(threeLevels(connect(), randomUUID())).rejects.toThrow()
    await threeLevels(flatten(connect()), randomUUID())
    expect(await savepointsReceived(database.primaryUrl)).toEqual([])
    expect(await savepointsReceived(database.standbyUrl)).toEqual([])
  })
})
