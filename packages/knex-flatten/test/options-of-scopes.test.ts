import type { Knex } from 'knex'
import {
  DurableTransactionError,
  ReadOnlyUpgradeError,
  TransactionOptionsError,
  UnexpectedRollbackError,
} from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'

describe.each(knexVersions)('what a scope may ask for on Knex %s', (_version, knex) => {
  const database = useItems()
  beforeEach(() => database.rows('delete from items'))
  const open = () => connectFlat(database, { knex })
  const insert = (on: Knex, id: number) => on('items').insert({ id })

  it.each([
    [undefined, 'read committed'],
    ['repeatable read', 'read committed'],
    ['repeatable read', 'snapshot'],
    ['serializable', 'repeatable read'],
  ] as const)('joins a root at %s that asks for %s', async (isolationLevel, asked) => {
    const { db } = open()
    await db.transaction(
      (trx) => trx.transaction((inner) => insert(inner, 1), { isolationLevel: asked }),
      isolationLevel && { isolationLevel },
    )
    expect(await idsIn(database)).toEqual([1])
  })

  it.each([
    [undefined, 'repeatable read', "runs at the server's default level"],
    [undefined, 'snapshot', "runs at the server's default level"],
    ['repeatable read', 'serializable', 'runs at repeatable read'],
  ] as const)('refuses in a root at %s one that asks for %s', async (isolationLevel, asked, told) => {
    const { db } = open()
    await db.transaction(async (trx) => {
      const error = await rejection(
        trx.transaction(async () => expect.unreachable(), { isolationLevel: asked }),
      )
      expect(error).toBeInstanceOf(TransactionOptionsError)
      expect(error.message).toContain(told)
      await insert(trx, 1)
    }, isolationLevel && { isolationLevel })
    expect(await idsIn(database)).toEqual([1])
  })

  it('refuses writes, and nothing else, within a read-only scope of a root that writes', async () => {
    const { db, received } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 1)
        await trx.transaction(
          async (report) => {
            expect(await report('items').where({ id: 1 }).pluck('id')).toEqual([1])
            const refused = await rejection(report('items').where({ id: 1 }).update({ note: 'changed' }))
            expect(refused).toBeInstanceOf(ReadOnlyUpgradeError)
            expect(refused.message).toMatch(
              /update "items" set "note" = \? where "id" = \?\nwas not sent.*"report"/,
            )
            const among = await rejection(report.raw("select 1; update items set note = 'changed'"))
            expect(among).toBeInstanceOf(ReadOnlyUpgradeError)
            const deeper = await rejection(report.transaction((inner) => insert(inner, 2)))
            expect(deeper).toBeInstanceOf(ReadOnlyUpgradeError)
          },
          { readOnly: true, name: 'report' },
        )
      }),
    )
    // The failed scope inside it has doomed the root.
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toBeInstanceOf(ReadOnlyUpgradeError)
    expect((await received()).filter((sql) => sql.includes('update'))).toEqual([])
  })

  it('leaves it to PostgreSQL to refuse writes in a root that is read-only', async () => {
    const { db } = open()
    const error = await rejection(db.transaction((trx) => insert(trx, 1), { readOnly: true }))
    expect(error).toMatchObject({ code: '25006' })
  })

  it('lets a root write again behind a read-only scope', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      await trx.transaction((report) => report('items').select(), { readOnly: true })
      await insert(trx, 1)
    })
    expect(await idsIn(database)).toEqual([1])
  })

  it('refuses a scope that is to write in what is read-only', async () => {
    const { db } = open()
    const error = await db.transaction(
      (trx) => rejection(trx.transaction(async () => expect.unreachable(), { readOnly: false })),
      { readOnly: true, name: 'report' },
    )
    expect(error).toBeInstanceOf(ReadOnlyUpgradeError)
    expect(error.message).toMatch(/the transaction "report" \(opened at .*\) around it is read-only/)
  })

  it.each([
    [{ savepoint: true, durable: true }, /savepoint and durable contradict/],
    [{ savepoint: true, retry: true }, /savepoint and retry contradict/],
    [{ savepoint: true, propagation: 'requires-new' }, /savepoint and propagation 'requires-new' contradict/],
    [{ durable: true, propagation: 'supports' }, /durable and propagation 'supports' contradict/],
    [{ retry: true, propagation: 'mandatory' }, /retry and propagation 'mandatory' contradict/],
    [{ propagation: 'REQUIRED' }, /propagation must be "required", "requires-new".*, not "REQUIRED"/],
    [{ retry: { attempts: 0 } }, /retry.*attempts must be a whole number of runs, 1 or more, not 0/],
    [{ retry: { tries: 3 } }, /retry.*there is no option "tries"\. Known options: attempts,/],
    [{ retry: 3 }, /retry must be true, false or an object, not 3/],
    [{ retry: [] }, /retry must be true, false or an object, not /],
    [{ retry: { attempts: 1.5 } }, /attempts must be a whole number of runs, 1 or more, not 1.5/],
    [{ retry: { minDelayMs: 0 } }, /minDelayMs must be a positive number of milliseconds, not 0/],
    [{ retry: { signal: {} } }, /signal must be an AbortSignal, not/],
  ])('refuses %j', async (options, message) => {
    const { db, received } = open()
    const error = await rejection(db.transaction(async () => expect.unreachable(), options as never))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(message)
    expect(await received()).toEqual([])
  })

  it('refuses to run a scope again, and its root without a callback', async () => {
    const { db } = open()
    const inner = await db.transaction((trx) =>
      rejection(trx.transaction(async () => expect.unreachable(), { retry: true, name: 'part' })),
    )
    expect(inner).toBeInstanceOf(TransactionOptionsError)
    expect(inner.message).toMatch(/the scope "part".*only a root can be run again/)
    expect((await rejection(db.transaction({ retry: true }))).message).toMatch(/retry needs a callback/)
  })

  it('takes durable with requires-new, inside another transaction', async () => {
    const { db } = open()
    await db.transaction((trx) =>
      trx.transaction((own) => insert(own, 1), { durable: true, propagation: 'requires-new' }),
    )
    expect(await idsIn(database)).toEqual([1])
    const error = await db.transaction((trx) =>
      rejection(
        trx.transaction(async () => expect.unreachable(), { durable: true, propagation: 'required' }),
      ),
    )
    expect(error).toBeInstanceOf(DurableTransactionError)
  })
})
