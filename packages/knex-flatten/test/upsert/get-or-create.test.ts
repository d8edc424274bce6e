import type { Knex } from 'knex'
import { getOrCreate, TransactionOptionsError, UnresolvedConflictError, updateOrCreate } from 'knex-flatten'
import { describe, expect, it } from 'vitest'
import { knexVersions } from '../../../../test/setup/knex-versions.ts'
import { connectFlat, rejection } from '../items.ts'
import { endpoints, sessionIsBlocked, strategies, useWallets } from './wallets.ts'

const counted = `
  create sequence tries;
  create table guarded (name text primary key, seen int);
  create function let_in_later() returns trigger language plpgsql as $$ begin
    if new.name = 'never' or nextval('tries') < 3 then return null; end if;
    return new;
  end $$;
  create trigger guard before insert on guarded for each row execute function let_in_later();`

describe.each(knexVersions)('getOrCreate and updateOrCreate on Knex %s', (_version, knex) => {
  const wallets = useWallets()
  const key = (user_id: number) => ({ user_id, currency: 'EUR' })

  it('writes nothing where the row is there', async () => {
    const { db, received } = connectFlat(wallets, { knex })
    await getOrCreate(db, 'wallets', key(1), { balance: 5 })
    await received()
    const { row, created } = await getOrCreate(db, 'wallets', key(1), { balance: 7 })
    expect([row.balance, created]).toEqual(['5.00', false])
    expect(await received()).toEqual([
      'select * from "wallets" where "user_id" = $1 and "currency" = $2 limit $3',
    ])
  })

  it('says whether it has created, and gives back what the database has computed', async () => {
    const { db, received } = connectFlat(wallets, { knex })
    const first = await updateOrCreate(db, 'wallets', key(2), { balance: 5 })
    expect(first).toEqual({
      row: { id: expect.any(String), ...key(2), balance: '5.00', label: 'EUR of 2' },
      created: true,
    })
    await received()
    const again = await db.transaction((trx) =>
      updateOrCreate(trx, 'wallets', key(2), { balance: 6 }, { returning: ['balance'] }),
    )
    expect(again).toEqual({ row: { balance: '6.00' }, created: false })
    expect(await received()).toEqual([
      'BEGIN;',
      'update "wallets" set "balance" = $1 where "user_id" = $2 and "currency" = $3 returning "balance"',
      'COMMIT;',
    ])
  })

  it('gives a new row what is said of new ones', async () => {
    const { db } = connectFlat(wallets, { knex })
    const deposit = () =>
      updateOrCreate(
        db,
        'wallets',
        key(3),
        { balance: db.raw('balance + ?', [5]) },
        { onCreate: { balance: 1 } },
      )
    expect((await deposit()).row.balance).toBe('1.00')
    expect((await deposit()).row.balance).toBe('6.00')
  })

  it('asks for the index once per instance', async () => {
    const { db, received } = connectFlat(wallets, { knex })
    await getOrCreate(db, 'wallets', key(4))
    await db.transaction((trx) => trx.transaction((scope) => getOrCreate(scope, 'wallets', key(5))))
    expect((await received()).filter((sql) => sql === 'select (')).toHaveLength(1)
  })
})

describe.each(strategies)('strategy %s', (strategy) => {
  const wallets = useWallets(counted)
  const key = (user_id: number) => ({ user_id, currency: 'EUR' })

  it.each(endpoints)(
    'waits for who is creating the row, and creates it if that is undone, on the %s',
    async (endpoint) => {
      const db = wallets.open(endpoint)
      const user = endpoint === 'primary' ? 1 : 2
      const other = await db.transaction()
      await getOrCreate(other, 'wallets', key(user), { balance: 1 }, { strategy })
      const waiting = getOrCreate(db, 'wallets', key(user), { balance: 2 }, { strategy })
      await sessionIsBlocked(wallets)
      await other.rollback()
      expect(await waiting).toMatchObject({ row: { balance: '2.00' }, created: true })
    },
  )

  it('tries again where what was in the way has gone', async () => {
    const db = wallets.open('primary')
    expect(await getOrCreate(db, 'guarded', { name: 'soon' }, {}, { strategy })).toMatchObject({
      created: true,
    })
  })

  it.each([
    ['getOrCreate', (on: Knex) => getOrCreate(on, 'guarded', { name: 'never' }, {}, { strategy })],
    [
      'updateOrCreate',
      (on: Knex) => updateOrCreate(on, 'guarded', { name: 'never' }, { seen: 1 }, { strategy }),
    ],
  ])(
    '%s gives up where the row can neither be inserted nor be found, and the transaction lives',
    async (name, call) => {
      const db = wallets.open('primary')
      await db.transaction(async (trx) => {
        const error = await rejection(call(trx))
        expect(error).toBeInstanceOf(UnresolvedConflictError)
        expect(error.message).toMatch(`${name}(trx, "guarded", …): 10 times a row was not inserted`)
        await trx('wallets').insert(key(3)).onConflict().ignore()
      })
      expect(await wallets.rows('select from wallets where user_id = 3')).toHaveLength(1)
    },
  )

  it('joins the transaction around it where the instance is ambient', async () => {
    const db = wallets.open('primary', {}, { ambient: true, nested: 'throw' })
    const boom = new Error('boom')
    const error = await rejection(
      db.transaction(async () => {
        await getOrCreate(db, 'wallets', key(4), {}, { strategy })
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(await wallets.rows('select from wallets where user_id = 4')).toEqual([])
  })
})

describe('at REPEATABLE READ', () => {
  const wallets = useWallets()
  const key = (user_id: number) => ({ user_id, currency: 'EUR' })
  const isolationLevel = 'repeatable read'
  /** The first attempt has looked before the other session inserts. */
  const late = async (trx: Knex, user: number) => {
    await trx('wallets').where(key(user))
    await wallets.rows(
      `insert into wallets (user_id, currency) values (${user}, 'EUR') on conflict do nothing`,
    )
  }

  it('a row committed since is a serialization failure, and found by the next attempt', async () => {
    const failed: unknown[] = []
    const result = await wallets.open('primary').transaction(
      async (trx) => {
        await late(trx, 1)
        return getOrCreate(trx, 'wallets', key(1)).catch((error: unknown) => {
          failed.push((error as { code: string }).code)
          throw error
        })
      },
      { isolationLevel, retry: { minDelayMs: 1, maxDelayMs: 1 } },
    )
    expect([failed, result.created]).toEqual([['40001'], false])
  })

  it('strategy lock is refused before anything is written, and dooms nothing', async () => {
    const db = wallets.open('primary')
    await db.transaction(
      async (trx) => {
        const error = await rejection(getOrCreate(trx, 'wallets', key(3), {}, { strategy: 'lock' }))
        expect(error).toBeInstanceOf(TransactionOptionsError)
        expect(error.message).toMatch(
          /needs a transaction at read committed, and this one is at repeatable read/,
        )
        await getOrCreate(trx, 'wallets', key(4))
      },
      { isolationLevel },
    )
    expect(await wallets.rows('select user_id from wallets where user_id > 2')).toEqual([{ user_id: 4 }])
  })
})
