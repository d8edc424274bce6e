import { type ForwardingReader, startForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import { crossingsOf, flatten, TransactionOptionsError } from 'knex-flatten'
import { requestScope } from 'knex-flatten/consistency'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

let reader: ForwardingReader
let db: Knex
beforeAll(async () => {
  reader = await startForwardingReader()
  db = flatten(createKnex({ client: 'pg', connection: reader.readerUrl, log: { warn: () => undefined } }))
  const primary = createKnex({ client: 'pg', connection: reader.primaryUrl })
  await primary.raw('create table item (id int primary key, note text); insert into item values (1)')
  await primary.destroy()
  await vi.waitFor(async () => expect(await db('item').pluck('id')).toEqual([1]), { timeout: 20_000 })
})
afterAll(async () => {
  await db.destroy()
  await reader.stop()
})

const touch = (trx: Knex) => trx('item').where({ id: 1 }).update({ note: 'touched' })
const programs: Readonly<Record<string, (trx: Knex.Transaction) => Promise<unknown>>> = {
  'nothing at all': async () => undefined,
  'reads only': async (trx) => trx('item').select(),
  'one write': async (trx) => touch(trx),
  'five writes and five reads': async (trx) => {
    for (let round = 0; round < 5; round++) {
      await trx('item').select()
      await touch(trx)
    }
  },
  'a row lock, then a write': async (trx) => {
    await trx('item').forUpdate().select()
    await touch(trx)
  },
  'a writing CTE': async (trx) =>
    trx.raw("with done as (update item set note = 'x' returning id) select * from done"),
  'a query that is only a text': async (trx) =>
    trx.raw("update item set note = 'a'; update item set note = 'b'"),
  'scopes within scopes': async (trx) =>
    trx.transaction(async (scope) => {
      await touch(scope)
      await scope.transaction(async (inner) => touch(inner))
    }),
  'a rollback behind a write': async (trx) => {
    await touch(trx)
    throw new Error('undone')
  },
  'a rollback behind reads': async (trx) => {
    await trx('item').select()
    throw new Error('undone')
  },
  'a write that the writer refuses': async (trx) => trx('item').insert({ id: 1 }),
  'a write behind one that was refused': async (trx) => {
    await touch(trx)
    await trx('item')
      .insert({ id: 1 })
      .catch(() => undefined)
    await touch(trx)
  },
  'what the guard does not send': async (trx) => trx.raw('lock table item'),
}

it.each(Object.keys(programs))('counts as many crossings as there are: %s', async (name) => {
  const before = reader.crossings().total
  let handle!: Knex.Transaction
  await db
    .transaction(async (trx) => {
      handle = trx
      return programs[name]!(trx)
    })
    .catch(() => undefined)
  expect(crossingsOf(handle)).toBe(reader.crossings().total - before)
})

const alone: Readonly<Record<string, () => PromiseLike<unknown>>> = {
  'a read': () => db('item').select(),
  'a write': () => touch(db),
  'a stream': () => db('item').forUpdate().select().stream().toArray(),
  'a transaction, and a write before and behind it': async () => {
    await touch(db)
    await db.transaction(async (trx) => touch(trx))
    await db('item').select()
    await touch(db)
  },
  'transactions at the same time': () =>
    Promise.all([
      db.transaction(async (trx) => touch(trx)),
      db.transaction(async (trx) => trx('item').select()),
    ]),
}

it.each(Object.keys(alone))('counts as many crossings of a request as there are: %s', async (name) => {
  const before = reader.crossings().total
  const counted = await requestScope(db, async () => {
    await requestScope(db, alone[name]!)
    return crossingsOf(db)
  })
  expect(counted).toBe(reader.crossings().total - before)
  expect(() => crossingsOf(db)).toThrow(TransactionOptionsError)
})
