import type { Knex } from 'knex'
import {
  afterCommit,
  type FlattenOptions,
  isRollbackOnly,
  RollbackOnlyError,
  rollbackReason,
  setRollbackOnly,
  TransactionOptionsError,
  UnexpectedRollbackError,
} from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, pidOf, rejection, unhandledDuring, useItems } from './items.ts'

describe.each(knexVersions)('scopes with a savepoint on Knex %s', (_version, knex) => {
  const database = useItems()
  beforeEach(() => database.rows('delete from items; insert into items values (1)'))
  const open = (options?: FlattenOptions, url?: string) =>
    connectFlat(database, { knex, ...(url && { url }) }, options)
  const insert = (on: Knex, id: number) => on('items').insert({ id })
  const boom = new Error('boom')
  const fail = async () => {
    throw boom
  }

  it('is undone alone, and dooms nothing', async () => {
    const { db, received } = open()
    await db.transaction(async (trx) => {
      await insert(trx, 2)
      const error = await rejection(
        trx.transaction(
          async (part) => {
            await insert(part, 3)
            throw boom
          },
          { savepoint: true },
        ),
      )
      expect(error).toBe(boom)
      await insert(trx, 4)
    })
    expect(await idsIn(database)).toEqual([1, 2, 4])
    expect((await received()).map((sql) => sql.replace(/trx\d+/, 'x'))).toEqual([
      'BEGIN;',
      'insert into "items" ("id") values ($1)',
      'SAVEPOINT x',
      'insert into "items" ("id") values ($1)',
      'ROLLBACK TO SAVEPOINT x',
      'insert into "items" ("id") values ($1)',
      'COMMIT;',
    ])
  })

  it('takes what fails inside it, also in scopes of its own, with it', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      const error = await rejection(
        trx.transaction(
          async (part) => {
            await insert(part, 2)
            await part.transaction((inner) => insert(inner, 1)).catch(() => 'swallowed')
          },
          { savepoint: true, name: 'part' },
        ),
      )
      expect(error).toBeInstanceOf(UnexpectedRollbackError)
      expect(error.message).toMatch(/^The scope "part" .* was rolled back to its savepoint instead of kept/)
      expect(error.cause).toMatchObject({ code: '23505' })
      await insert(trx, 3)
    })
    expect(await idsIn(database)).toEqual([1, 3])
  })

  it('refuses statements and scopes once something in it has failed, before the wire', async () => {
    const { db, received } = open()
    const refused: unknown[] = []
    await db.transaction(async (trx) => {
      const part = trx.transaction(
        async (inner) => {
          await insert(inner, 1).catch(() => 'swallowed')
          refused.push(await rejection(inner.raw('select 1')))
          refused.push(await rejection(inner.transaction(async () => 'opened')))
        },
        { savepoint: true },
      )
      expect(await rejection(part)).toBeInstanceOf(UnexpectedRollbackError)
      await insert(trx, 2)
    })
    expect(refused).toEqual([expect.any(RollbackOnlyError), expect.any(RollbackOnlyError)])
    expect((await received()).filter((sql) => sql === 'select 1')).toEqual([])
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('refuses statements once its root can only be rolled back', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction((trx) =>
        trx.transaction(
          async (part) => {
            setRollbackOnly(trx, boom)
            expect(isRollbackOnly(part)).toBe(true)
            await insert(part, 2)
          },
          { savepoint: true },
        ),
      ),
    )
    expect(error).toBeInstanceOf(RollbackOnlyError)
    expect(error.cause).toBe(boom)
  })

  it('is undone alone where it was marked to be rolled back', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      const part = trx.transaction(
        async (inner) => {
          setRollbackOnly(inner, boom)
          expect([isRollbackOnly(inner), rollbackReason(inner)]).toEqual([true, boom])
        },
        { savepoint: true },
      )
      expect((await rejection(part)).cause).toBe(boom)
      expect(isRollbackOnly(trx)).toBe(false)
      await insert(trx, 2)
    })
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('is undone with its root', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx.transaction((part) => insert(part, 2), { savepoint: true, propagation: 'nested' })
        await trx.transaction(fail).catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(await idsIn(database)).toEqual([1])
  })

  it('drops the hooks of what is undone, and keeps the others', async () => {
    const { db } = open()
    const ran: string[] = []
    await db.transaction(async (trx) => {
      afterCommit(trx, () => ran.push('root'))
      await trx
        .transaction(
          async (part) => {
            await part.transaction(async (inner) => afterCommit(inner, () => ran.push('undone')))
            throw boom
          },
          { savepoint: true },
        )
        .catch(() => 'swallowed')
      await trx.transaction(async (part) => afterCommit(part, () => ran.push('kept')), { savepoint: true })
    })
    expect(ran).toEqual(['root', 'kept'])
  })

  const die = (on: Knex) => on.raw('select pg_terminate_backend(pg_backend_pid())')
  const dieUnnoticed = async (on: Knex) => {
    const connection = await on.client.acquireConnection()
    const ended = new Promise((resolve) => connection.once('end', resolve))
    await database.rows(`select pg_terminate_backend(${await pidOf(on)})`)
    await ended
  }

  it.each<[string, (on: Knex) => Promise<unknown>]>([
    ['which is told', die],
    ['which it has swallowed', (on) => die(on).catch(() => 'swallowed')],
    ['which it has not noticed', dieUnnoticed],
  ])('is rejected, and its root with it, after the loss of its connection, %s', async (_how, lose) => {
    const { db } = open()
    let part: unknown
    let middle: any
    const unhandled = await unhandledDuring(async () => {
      const error = await rejection(
        db.transaction(async (trx) => {
          await insert(trx, 2)
          middle = await rejection(
            trx.transaction(
              async (around) => {
                part = await rejection(around.transaction((inner) => lose(inner), { savepoint: true }))
              },
              { savepoint: true },
            ),
          )
        }),
      )
      expect(error).toBeInstanceOf(UnexpectedRollbackError)
      expect(error.message).toContain('The connection was lost')
    })
    expect(part).toBeInstanceOf(Error)
    expect(middle.message).toContain('The connection was lost')
    expect(unhandled).toEqual([])
    expect(await db('items').pluck('id')).toEqual([1])
  })

  it.each(['RELEASE', 'ROLLBACK TO'])('dooms what is around it where %s cannot be sent', async (text) => {
    const { db } = open()
    db.on('query', ({ sql }: { sql: string }) => {
      if (sql.startsWith(text)) throw boom
    })
    const own = new Error('own')
    const error = await rejection(
      db.transaction(async (trx) => {
        const part = trx.transaction(
          async (inner) => {
            await insert(inner, 2)
            if (text === 'ROLLBACK TO') throw own
          },
          { savepoint: true },
        )
        expect(await rejection(part)).toBe(text === 'ROLLBACK TO' ? own : boom)
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toBe(boom)
    expect(await idsIn(database)).toEqual([1])
  })

  it('keeps its value where its root is committed before it has awaited its own commit()', async () => {
    const { db } = open()
    let part!: Knex.Transaction
    await db.transaction(async (trx) => {
      part = await trx.transaction(undefined, { savepoint: true })
      await insert(part, 2)
      void part.commit('value')
    })
    expect(await part.executionPromise).toBe('value')
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it.each([undefined, boom])(
    'ends as it was told where its root is committed before, rollback(%s)',
    async (told) => {
      const { db } = open()
      let part!: Knex.Transaction
      await db.transaction(async (trx) => {
        part = await trx.transaction(undefined, { savepoint: true })
        await insert(part, 2)
        void part.rollback(told)
      })
      if (told) expect(await rejection(part.executionPromise)).toBe(told)
      else expect(await part.executionPromise).toBeUndefined()
      expect(await idsIn(database)).toEqual([1])
    },
  )

  it('dooms its root where it throws after its commit(), since what it wrote is kept', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        const part = trx.transaction(
          async (inner) => {
            await insert(inner, 2)
            void inner.commit()
            throw boom
          },
          { savepoint: true },
        )
        expect(await rejection(part)).toBe(boom)
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toBe(boom)
    expect(await idsIn(database)).toEqual([1])
  })

  it('rejects where its callback returns after a rollback() it has not awaited', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      const part = trx.transaction(
        async (inner) => {
          await insert(inner, 2)
          void inner.rollback()
          return 'value'
        },
        { savepoint: true },
      )
      expect(await rejection(part)).toBeInstanceOf(UnexpectedRollbackError)
      await insert(trx, 3)
    })
    expect(await idsIn(database)).toEqual([1, 3])
  })

  it.each(['commit', 'rollback'] as const)(
    'is undone with the one around it, and does no harm by a late %s',
    async (how) => {
      const { db, received } = open()
      await db.transaction(async (trx) => {
        const outer = await trx.transaction(undefined, { savepoint: true })
        const inner = await outer.transaction(undefined, { savepoint: true })
        await insert(inner, 2)
        const undone = outer.rollback()
        if (how === 'commit') expect(await rejection(inner.commit())).toBeInstanceOf(RollbackOnlyError)
        else await inner.rollback()
        await undone
        await insert(trx, 3)
      })
      expect((await received()).filter((sql) => sql.startsWith('ROLLBACK TO'))).toHaveLength(1)
      expect(await idsIn(database)).toEqual([1, 3])
    },
  )

  it('is what every nested transaction gets with nested: escalate, but not one that asks to join', async () => {
    const { db, received } = open({ nested: 'escalate' })
    await db.transaction(async (trx) => {
      await trx.transaction(fail).catch(() => 'undone alone')
      await trx.transaction(fail, { propagation: 'nested' }).catch(() => 'undone alone')
      await trx.transaction((joined) => insert(joined, 2), { propagation: 'required' })
    })
    expect(await idsIn(database)).toEqual([1, 2])
    const sent = await received()
    expect(sent.filter((sql) => sql.startsWith('SAVEPOINT'))).toHaveLength(2)
  })

  it('is refused on a reader, before a savepoint is sent, and dooms nothing', async () => {
    const { db } = open({ nested: 'escalate' }, database.readerUrl)
    await db.transaction(async (trx) => {
      const error = await rejection(trx.transaction(async () => expect.unreachable(), { name: 'part' }))
      expect(error).toBeInstanceOf(TransactionOptionsError)
      expect(error.message).toMatch(/the scope "part" .* asks for a savepoint, which a reader refuses/)
      await insert(trx, 2)
    })
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('refuses every nested transaction with nested: throw, but for one that asks to join or for a savepoint', async () => {
    const { db } = open({ nested: 'throw' })
    await db.transaction(async (trx) => {
      const error = await rejection(trx.transaction(async () => expect.unreachable()))
      expect(error).toBeInstanceOf(TransactionOptionsError)
      expect(error.message).toContain("{ nested: 'throw' }")
      expect(
        await rejection(trx.transaction(async () => expect.unreachable(), { propagation: 'nested' })),
      ).toBeInstanceOf(TransactionOptionsError)
      await trx.transaction((joined) => insert(joined, 2), { propagation: 'required' })
      await trx.transaction((part) => insert(part, 3), { savepoint: true })
    })
    expect(await idsIn(database)).toEqual([1, 2, 3])
  })
})
