import createKnex, { type Knex } from 'knex'
import {
  afterCommit,
  AfterCommitError,
  afterCompletion,
  afterRollback,
  beforeCommit,
  flatten,
  TransactionOptionsError,
} from 'knex-flatten'
import { captureHooks, inTestTransaction } from 'knex-flatten/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../../test/setup/knex-versions.ts'
import { connectFlat, rejection, useItems } from '../items.ts'

describe.each(knexVersions)('captured hooks on Knex %s', (_version, knex) => {
  const database = useItems()
  const ran: string[] = []
  beforeEach(() => {
    ran.length = 0
  })
  const open = () => connectFlat(database, { knex, config: { log: { warn: () => undefined } } }).db
  const register = (trx: Knex, at: string) => {
    beforeCommit(trx, () => ran.push(`beforeCommit ${at}`))
    afterCompletion(trx, (outcome) => ran.push(`${outcome} ${at}`))
    afterCommit(trx, () => ran.push(`afterCommit ${at}`), { robust: at === 'scope' })
    afterRollback(trx, () => ran.push(`afterRollback ${at}`))
  }
  const placeOrder = (db: Knex) =>
    db.transaction(
      async (trx) => {
        register(trx, 'root')
        await trx.transaction(async (scope) => register(scope, 'scope'), { name: 'reserve stock' })
        await trx.transaction(async (scope) =>
          afterCommit(scope, () => ran.push('nameless'), { when: 'visible-on-reader' }),
        )
        return 7
      },
      { name: 'place order' },
    )
  const expected = [
    { moment: 'afterCommit', scope: 'place order', robust: false, whenVisible: false },
    { moment: 'afterCommit', scope: 'reserve stock', robust: true, whenVisible: false },
    { moment: 'afterCommit', scope: undefined, robust: false, whenVisible: true },
    { moment: 'afterCompletion', scope: 'place order' },
    { moment: 'afterCompletion', scope: 'reserve stock' },
  ].map((hook) => ({
    ...hook,
    transaction: 'place order',
    registeredAt: expect.stringMatching(/capture-hooks\.test\.ts:\d+:\d+$/),
  }))
  const run = ['afterCommit root', 'afterCommit scope', 'nameless', 'committed root', 'committed scope']
  const before = ['beforeCommit root', 'beforeCommit scope']

  describe.each(['inside a test transaction', 'outside of one'])('%s', (where) => {
    const maybe = <Result>(db: Knex, fn: () => Promise<Result>): Promise<Result> =>
      where === 'outside of one' ? fn() : inTestTransaction(db, fn)

    it('are told in their order instead of being run, and run when they are called', async () => {
      const db = open()
      await maybe(db, async () => {
        const { result, hooks } = await captureHooks(db, () => placeOrder(db))
        expect(result).toBe(7)
        expect(hooks).toMatchObject(expected)
        expect(ran).toEqual(before)
        for (const hook of hooks) await hook.run()
        expect(ran).toEqual([...before, ...run])
      })
    })

    it('are run as well where that is said', async () => {
      const db = open()
      await maybe(db, async () => {
        const { hooks } = await captureHooks(db, () => placeOrder(db), { run: true })
        expect(hooks).toMatchObject(expected)
        expect(ran).toEqual([...before, ...run])
      })
    })

    it('fail as ever where they are run, or when they are called', async () => {
      const db = open()
      const boom = new Error('boom')
      const failing = () => db.transaction(async (trx) => afterCommit(trx, () => Promise.reject(boom)))
      await maybe(db, async () => {
        const { hooks } = await captureHooks(db, failing)
        expect(await rejection(hooks[0]!.run())).toBe(boom)
        const error = await rejection(captureHooks(db, failing, { run: true }))
        expect(error).toBeInstanceOf(AfterCommitError)
        expect(error.errors).toEqual([boom])
      })
    })

    it('are those of transactions that are committed', async () => {
      const db = open()
      await maybe(db, async () => {
        const { hooks } = await captureHooks(db, async () => {
          const trx = await db.transaction()
          register(trx, 'root')
          await trx.rollback()
        })
        expect(hooks).toEqual([])
        expect(ran).toEqual(['afterRollback root', 'rolled-back root'])
      })
    })
  })

  it('are let go when the function has come to its end, whichever', async () => {
    const db = open()
    const boom = new Error('boom')
    expect(await rejection(captureHooks(db, () => Promise.reject(boom)))).toBe(boom)
    await placeOrder(db)
    expect(ran).toEqual([...before, ...run])
  })
})

it('hooks are not captured twice, of what is no flattened instance, nor with wrong arguments', async () => {
  const plain = createKnex({ client: 'pg' })
  const db = flatten(createKnex({ client: 'pg' }))
  const refused = async (promise: Promise<unknown>) => {
    const error = await rejection(promise)
    expect(error).toBeInstanceOf(TransactionOptionsError)
    return (error as Error).message
  }
  const none = () => undefined
  expect(await refused(captureHooks(plain, none))).toBe(
    'captureHooks(db, fn, options): db must be what flatten(knex) returned.',
  )
  expect(await refused(captureHooks(db, () => captureHooks(db, none)))).toMatch(
    /the hooks of db are captured already/,
  )
  expect(await refused(captureHooks(db, 'fn' as never))).toMatch(/fn must be a function, not "fn"/)
  expect(await refused(captureHooks(db, none, { run: 1 as never }))).toMatch(
    /run must be true or false, not 1/,
  )
  expect(await refused(captureHooks(db, none, { execute: true } as object))).toMatch(/no option "execute"/)
})
