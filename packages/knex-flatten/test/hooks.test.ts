import type { Knex } from 'knex'
import {
  afterCommit,
  AfterCommitError,
  afterCompletion,
  afterRollback,
  beforeCommit,
  ScopeStillOpenError,
  TransactionOptionsError,
  UnexpectedRollbackError,
} from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'

describe.each(knexVersions)('hooks on Knex %s', (_version, knex) => {
  const database = useItems()
  const ran: unknown[] = []
  const warnings: string[] = []
  beforeEach(async () => {
    ran.length = 0
    warnings.length = 0
    await database.rows('delete from orders; delete from items; insert into items values (1)')
  })
  const open = (config: Partial<Knex.Config> = {}) =>
    connectFlat(database, {
      knex,
      config: { pool: { max: 1 }, log: { warn: (text: unknown) => warnings.push(String(text)) }, ...config },
    }).db
  const insert = (on: Knex, id: number) => on('items').insert({ id })
  const boom = new Error('boom')
  const all = (trx: Knex, at = '') => {
    beforeCommit(trx, () => ran.push(`beforeCommit${at}`))
    afterCompletion(trx, (outcome) => ran.push(`${outcome}${at}`))
    afterCommit(trx, () => ran.push(`afterCommit${at}`))
    afterRollback(trx, (error) => ran.push(error))
  }

  it('run at the end of the root, whatever depth they were registered at, in order, once', async () => {
    await open().transaction(async (trx) => {
      all(trx, ' 1')
      await trx.transaction((two) => two.transaction(async (three) => all(three, ' 3')))
      all(trx, ' 4')
      expect(ran).toEqual([])
    })
    const moments = ['beforeCommit', 'afterCommit', 'committed']
    expect(ran).toEqual(moments.flatMap((moment) => [`${moment} 1`, `${moment} 3`, `${moment} 4`]))
  })

  it('hear of a rollback, with what the transaction is rejected with', async () => {
    const error = await rejection(
      open().transaction(async (trx) => {
        all(trx)
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(ran).toEqual([boom, 'rolled-back'])
  })

  it('hear of a rollback that nobody expected', async () => {
    const error = await rejection(
      open().transaction(async (trx) => {
        all(trx)
        await insert(trx, 1).catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(ran).toEqual([error, 'rolled-back'])
  })

  it('hear of a COMMIT that was refused', async () => {
    const error = await rejection(
      open().transaction(async (trx) => {
        all(trx)
        await trx('orders').insert({ item: 7 })
      }),
    )
    expect(error).toMatchObject({ code: '23503' })
    expect(ran).toEqual(['beforeCommit', error, 'rolled-back'])
  })

  it.each(['commit', 'rollback'] as const)('are waited for by %s() of the promise form', async (how) => {
    const trx = await open().transaction()
    all(trx)
    await trx[how]()
    expect(ran).toEqual(
      how === 'commit' ? ['beforeCommit', 'afterCommit', 'committed'] : [undefined, 'rolled-back'],
    )
  })

  it('before COMMIT may write, register others, and undo everything by throwing', async () => {
    await open().transaction(async (trx) => {
      beforeCommit(trx, async () => {
        await insert(trx, 2)
        beforeCommit(trx, () => insert(trx, 3))
      })
    })
    expect(await idsIn(database)).toEqual([1, 2, 3])
    const error = await rejection(
      open().transaction(async (trx) => {
        await insert(trx, 4)
        beforeCommit(trx, () => Promise.reject(boom))
        beforeCommit(trx, () => ran.push('too late'))
        afterRollback(trx, (reason) => ran.push(reason))
      }),
    )
    expect(error).toBe(boom)
    expect(ran).toEqual([boom])
    expect(await idsIn(database)).toEqual([1, 2, 3])
  })

  it('before COMMIT whose swallowed SQL error dooms the root', async () => {
    const error = await rejection(
      open().transaction(async (trx) => {
        beforeCommit(trx, () => insert(trx, 1).catch(() => 'swallowed'))
        beforeCommit(trx, () => ran.push('too late'))
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(ran).toEqual([])
  })

  it('behind COMMIT run outside of it, when its only connection is free again', async () => {
    const db = open()
    await db.transaction(async (trx) => {
      await insert(trx, 2)
      afterCommit(trx, async () => ran.push(await db('items').pluck('id')))
    })
    expect(ran).toEqual([[1, 2]])
  })

  it('behind COMMIT that fail never look like a rollback, and keep no other from running', async () => {
    const other = new Error('other')
    const error = await rejection(
      open().transaction(async (trx) => {
        await insert(trx, 2)
        afterCommit(trx, () => Promise.reject(boom))
        afterCommit(trx, () => ran.push('second'))
        afterCommit(trx, () => {
          throw other
        })
        return 'the result'
      }),
    )
    expect(error).toBeInstanceOf(AfterCommitError)
    expect(error).toMatchObject({ result: 'the result', errors: [boom, other], cause: boom })
    expect(error.message).toMatch(
      /is committed\. Do not run it again.*afterCommit hook registered at .*hooks\.test\.ts:\d+:\d+ failed:\n {4}Error: boom/s,
    )
    expect(ran).toEqual(['second'])
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('behind COMMIT that fail are told by commit() of the promise form', async () => {
    const trx = await open().transaction()
    afterCommit(trx, () => Promise.reject(boom))
    expect(await rejection(trx.commit('the result'))).toMatchObject({
      code: 'FLATTEN_AFTER_COMMIT',
      result: 'the result',
    })
  })

  it('behind COMMIT that fail do not hide what the callback has thrown meanwhile', async () => {
    const error = await rejection(
      open().transaction(async (trx) => {
        beforeCommit(trx, () => undefined)
        afterCommit(trx, () => Promise.reject(new Error('hook')))
        const sent = new Promise((resolve) => trx.on('query', resolve))
        void trx.commit()
        await sent
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(warnings).toEqual([expect.stringContaining('Error: hook')])
  })

  it('that are robust are only logged', async () => {
    const result = await open().transaction(async (trx) => {
      afterCommit(trx, () => Promise.reject(boom), { robust: true })
      return 'the result'
    })
    expect(result).toBe('the result')
    expect(warnings).toEqual([expect.stringMatching(/afterCommit hook .* failed:\n {4}Error: boom/)])
  })

  it('behind a rollback without an error that fail are logged, and do not make it a commit', async () => {
    const trx = await open().transaction()
    afterRollback(trx, () => Promise.reject(boom))
    await trx.rollback()
    await expect(trx.executionPromise).resolves.toBeUndefined()
    expect(warnings).toEqual([expect.stringContaining('Error: boom')])
  })

  it('send nothing behind COMMIT by themselves', async () => {
    const { db, received } = connectFlat(database, { knex })
    await db.transaction(async (trx) => all(trx))
    expect(await received()).toEqual(['BEGIN;', 'COMMIT;'])
  })

  it('that fail leave nobody waiting where the log throws', async () => {
    const failing = { warn: () => expect.fail('the log') }
    const trx = await open({ log: failing }).transaction()
    afterCommit(trx, () => Promise.reject(boom), { robust: true })
    await trx.commit('the result')
    expect(await trx.executionPromise).toBe('the result')
  })

  it('before COMMIT see the transaction rolled back that throws while they run', async () => {
    let go!: () => void
    const held = new Promise<void>((resolve) => (go = resolve))
    const error = await rejection(
      open().transaction(async (trx) => {
        all(trx)
        beforeCommit(trx, () => held)
        await insert(trx, 2)
        void trx.commit()
        setImmediate(go)
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(ran).toEqual(['beforeCommit', boom, 'rolled-back'])
    expect(await idsIn(database)).toEqual([1])
  })

  it('behind a rollback that fail are logged, and keep its error', async () => {
    const error = await rejection(
      open().transaction(async (trx) => {
        afterRollback(trx, () => Promise.reject(new Error('hook')))
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(warnings).toEqual([expect.stringContaining('Error: hook')])
  })

  it('that never settle count as failed after their time', async () => {
    const never = () => new Promise(() => undefined)
    const error = await rejection(
      open().transaction(async (trx) => afterCommit(trx, never, { timeoutMs: 20 })),
    )
    expect(error).toBeInstanceOf(AfterCommitError)
    expect(error.message).toMatch(/did not settle within 20 ms/)
    const before = await rejection(
      open({ acquireConnectionTimeout: 500 }).transaction(async (trx) => beforeCommit(trx, never)),
    )
    expect(before.message).toMatch(/beforeCommit hook .* did not settle within 500 ms/)
  })

  it('are refused once COMMIT or ROLLBACK is on its way, when it is too late to run them', async () => {
    const db = open()
    for (const how of ['commit', 'rollback'] as const) {
      const trx = await db.transaction()
      const ended = trx[how]()
      expect(() => afterCommit(trx, () => undefined)).toThrow(/has ended already/)
      await ended
    }
  })

  it('are refused on a scope that has outlived what is around it', async () => {
    const trx = await open().transaction()
    const scope = await trx.transaction()
    await trx.rollback()
    expect(() => afterCommit(scope, () => undefined)).toThrow(/has ended already/)
  })

  it('before COMMIT that throw tell why a scope of theirs could not go on', async () => {
    let scope!: Promise<unknown>
    const error = await rejection(
      open().transaction(async (trx) => {
        beforeCommit(trx, () => {
          scope = rejection(trx.transaction(async () => undefined))
          throw boom
        })
      }),
    )
    expect(error).toBe(boom)
    expect(await scope).toMatchObject({ code: 'FLATTEN_ROLLBACK_ONLY', cause: boom })
  })

  it('behind a rollback without an error hear of the first failure', async () => {
    const trx = await open().transaction()
    all(trx)
    const failed = await rejection(insert(trx, 1))
    await trx.rollback()
    expect(ran).toEqual([failed, 'rolled-back'])
  })

  it('run before COMMIT only where the root can be committed', async () => {
    const trx = await open().transaction()
    all(trx)
    await trx.transaction()
    expect(await rejection(trx.commit())).toBeInstanceOf(ScopeStillOpenError)
    expect(ran).toEqual([expect.any(ScopeStillOpenError), 'rolled-back'])
  })

  it('are refused outside of a transaction, on one that has ended, and with wrong arguments', async () => {
    const db = open()
    const register = (on: Knex, fn: unknown = () => undefined, options?: object) => {
      try {
        afterCommit(on, fn as () => void, options)
      } catch (error) {
        return error as Error
      }
    }
    expect(register(db)).toBeInstanceOf(TransactionOptionsError)
    expect(register(db)?.message).toMatch(/this is not inside a transaction/)
    const trx = await db.transaction()
    expect(register(trx, 'mail')?.message).toMatch(/fn must be a function, not mail/)
    expect(register(trx, undefined, { timeout: 5 })?.message).toMatch(/no option "timeout"/)
    expect(register(trx, undefined, { when: 'later' })?.message).toMatch(
      /when must be "committed", "visible-on-reader"/,
    )
    expect(() => beforeCommit(trx, () => undefined, { robust: true } as never)).toThrow(
      /no option "robust"\. Known options: timeoutMs/,
    )
    let scope!: Knex
    await trx.transaction(async (inner) => void (scope = inner))
    expect(register(scope)?.message).toMatch(/the scope \(opened at .*\) has ended already/)
    await trx.commit()
    expect(register(trx)?.message).toMatch(/the transaction \(opened at .*\) has ended already/)
  })
})
