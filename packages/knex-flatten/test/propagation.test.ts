import type { Knex } from 'knex'
import { PoolStarvationError, TransactionOptionsError } from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, pidOf, rejection, useItems } from './items.ts'

describe.each(knexVersions)('propagation on Knex %s', (_version, knex) => {
  const database = useItems()
  beforeEach(() => database.rows('delete from items'))
  const open = (pool = 5) => connectFlat(database, { knex, config: { pool: { max: pool } } }).db
  const insert = (on: Knex, id: number) => on('items').insert({ id })
  const boom = new Error('boom')

  it.each(['required', 'nested', 'supports', 'mandatory'] as const)(
    '%s runs on the connection of the transaction around, and ends with it',
    async (propagation) => {
      const error = await rejection(
        open().transaction(async (trx) => {
          const outer = await pidOf(trx)
          await trx.transaction(
            async (inner) => {
              expect(await pidOf(inner)).toBe(outer)
              await insert(inner, 1)
            },
            { propagation },
          )
          throw boom
        }),
      )
      expect(error).toBe(boom)
      expect(await idsIn(database)).toEqual([])
    },
  )

  it('requires-new runs on a connection of its own, and survives the rollback around it', async () => {
    const error = await rejection(
      open().transaction(async (trx) => {
        const outer = await pidOf(trx)
        await trx.transaction(
          async (inner) => {
            expect(await pidOf(inner)).not.toBe(outer)
            await insert(inner, 1)
          },
          { propagation: 'requires-new' },
        )
        expect(await pidOf(trx)).toBe(outer)
        await insert(trx, 2)
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(await idsIn(database)).toEqual([1])
  })

  it('requires-new dooms nothing around it', async () => {
    await open().transaction(async (trx) => {
      await trx
        .transaction(
          async (inner) => {
            await insert(inner, 1)
            throw boom
          },
          { propagation: 'requires-new' },
        )
        .catch(() => 'swallowed')
      await insert(trx, 2)
    })
    expect(await idsIn(database)).toEqual([2])
  })

  it('requires-new keeps the user parameters of its instance', async () => {
    const db = open().withUserParams({ tenant: 7 } as never)
    await db.transaction((trx) =>
      trx.transaction(
        async (inner) => {
          expect(inner.userParams).toEqual({ tenant: 7 })
        },
        { propagation: 'requires-new' },
      ),
    )
  })

  it('restores each level after the next, four deep', async () => {
    const pids: number[] = []
    await open().transaction(async (one) => {
      await one.transaction(
        async (two) => {
          await two.transaction(async (three) => {
            await three.transaction(async (four) => pids.push(await pidOf(four)), {
              propagation: 'requires-new',
            })
            pids.push(await pidOf(three))
          })
          pids.push(await pidOf(two))
        },
        { propagation: 'requires-new' },
      )
      pids.push(await pidOf(one))
    })
    const [four, three, two, one] = pids
    expect(three).toBe(two)
    expect(new Set([four, three, one]).size).toBe(3)
  })

  it.each(['supports', 'not-supported', 'never'] as const)(
    '%s outside of a transaction runs without one',
    async (propagation) => {
      const error = await rejection(
        open().transaction(
          async (plain) => {
            await insert(plain, 1)
            throw boom
          },
          { propagation },
        ),
      )
      expect(error).toBe(boom)
      expect(await idsIn(database)).toEqual([1])
    },
  )

  it('runs without a transaction with the user parameters of its instance', async () => {
    const db = open().withUserParams({ tenant: 7 } as never)
    await db.transaction(async (plain) => expect(plain.userParams).toEqual({ tenant: 7 }), {
      propagation: 'supports',
    })
  })

  it.each([undefined, boom])(
    'runs without a transaction until its rollback(%s), as one would',
    async (told) => {
      const ended = open().transaction((plain) => void plain.rollback(told), { propagation: 'supports' })
      if (told) expect(await rejection(ended)).toBe(told)
      else expect(await ended).toBeUndefined()
    },
  )

  it('runs without a transaction to a callback that throws at once', async () => {
    const ended = open().transaction(
      () => {
        throw boom
      },
      { propagation: 'supports' },
    )
    expect(await rejection(ended)).toBe(boom)
  })

  it('not-supported inside a transaction runs beside it, and its rows stay', async () => {
    const error = await rejection(
      open().transaction(async (trx) => {
        const outer = await pidOf(trx)
        await trx.transaction(
          async (plain) => {
            expect(await pidOf(plain)).not.toBe(outer)
            await insert(plain, 1)
          },
          { propagation: 'not-supported' },
        )
        await insert(trx, 2)
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(await idsIn(database)).toEqual([1])
  })

  it('runs without a transaction in the promise form too, and its ends end nothing', async () => {
    const handle = await open().transaction({ propagation: 'supports' })
    await insert(handle, 1)
    expect(handle.isCompleted()).toBe(false)
    await handle.commit()
    expect(handle.isCompleted()).toBe(true)
    expect(await idsIn(database)).toEqual([1])
  })

  it.each([
    ['mandatory', false, /'mandatory' was asked for outside of any transaction/],
    [
      'never',
      true,
      /'never' was asked for inside the transaction "around" \(opened at .*propagation\.test\.ts/,
    ],
  ] as const)('%s is refused where it must be, and dooms nothing', async (propagation, inside, message) => {
    const attempt = (on: Knex) => rejection(on.transaction(async () => expect.unreachable(), { propagation }))
    const error = inside
      ? await open().transaction(
          async (trx) => {
            const refused = await attempt(trx)
            await insert(trx, 1)
            return refused
          },
          { name: 'around' },
        )
      : await attempt(open())
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toMatch(message)
    expect(await idsIn(database)).toEqual(inside ? [1] : [])
  })

  it('refuses at once to wait for a connection that only its own outer transactions could give', async () => {
    const db = open(2)
    const error = await rejection(
      db.transaction(
        (one) =>
          one.transaction(
            (two) => two.transaction(async () => expect.unreachable(), { propagation: 'requires-new' }),
            { propagation: 'requires-new', name: 'second' },
          ),
        { name: 'first' },
      ),
    )
    expect(error).toBeInstanceOf(PoolStarvationError)
    expect(error.message).toMatch(/the pool has 2.*transaction "second".*transaction "first"/s)
  })

  it('refuses the last of several that hold the whole pool and wait for one another', async () => {
    const db = open(2)
    let meet!: () => void
    const met = new Promise<void>((resolve) => (meet = resolve))
    let inside = 0
    const task = (id: number) =>
      db.transaction(async (trx) => {
        if (++inside === 2) meet()
        await met
        await trx.transaction((inner) => insert(inner, id), { propagation: 'requires-new' })
      })
    const outcomes = await Promise.allSettled([task(1), task(2)])
    const [refused] = outcomes.filter(({ status }) => status === 'rejected')
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((refused as PromiseRejectedResult).reason).toBeInstanceOf(PoolStarvationError)
    expect(await idsIn(database)).toHaveLength(1)
  })
  it.each([
    ['at once', false],
    ['by its first statement', true],
  ])(
    'waits %s for a connection that one gives back who waits for nothing any more',
    async (_when, lazyBegin) => {
      const { db } = connectFlat(
        database,
        { knex, config: { pool: { max: 2 }, acquireConnectionTimeout: 1_000 } },
        { lazyBegin },
      )
      const [one, two] = await Promise.all([db.transaction(), db.transaction()])
      await Promise.all([pidOf(one), pidOf(two)])
      const inVain = await rejection(
        one.transaction((own) => insert(own, 9), {
          propagation: 'requires-new',
        }),
      )
      expect(inVain.name).toBe('KnexTimeoutError')
      const inner = two.transaction((own) => insert(own, 1), { propagation: 'requires-new' })
      await one.commit()
      await inner
      await two.commit()
      expect(await idsIn(database)).toEqual([1])
    },
  )

  it('requires-new on a transaction that has ended counts it among nobody', async () => {
    const trx = await open(1).transaction()
    await trx.commit()
    await trx.transaction((own) => insert(own, 1), { propagation: 'requires-new' })
    expect(await idsIn(database)).toEqual([1])
  })
})
