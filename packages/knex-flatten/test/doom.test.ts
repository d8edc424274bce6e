import type { Knex } from 'knex'
import { beforeEach, describe, expect, it } from 'vitest'
import { RollbackOnlyError, UnexpectedRollbackError } from 'knex-flatten'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, rejection, useItems } from './items.ts'

describe.each(knexVersions)('a doomed transaction on Knex %s', (_version, knex) => {
  const database = useItems()
  const open = (doomOn?: (error: unknown) => boolean) =>
    connectFlat(database, { knex }, doomOn ? { doomOn } : undefined)

  beforeEach(() => database.rows('delete from items; insert into items values (1)'))

  const insert = (trx: Knex, id: number) => trx('items').insert({ id, note: 'secret' })
  const boom = new Error('boom')
  const fail = async () => {
    throw boom
  }

  it('rejects and rolls back when the failure of a scope is swallowed', async () => {
    const { db, received } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 2)
        await trx.transaction(fail).catch(() => 'swallowed')
        return 'fine'
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error).toMatchObject({ code: 'FLATTEN_UNEXPECTED_ROLLBACK', cause: boom })
    expect((await received()).at(-1)).toBe('ROLLBACK')
    expect(await idsIn(database)).toEqual([1])
  })

  it('rejects await trx.commit() of the promise form', async () => {
    const { db } = open()
    const trx = await db.transaction()
    await insert(trx, 2)
    await trx.transaction(fail).catch(() => undefined)
    expect(await rejection(trx.commit())).toBeInstanceOf(UnexpectedRollbackError)
    expect(await rejection(trx.executionPromise)).toBeInstanceOf(UnexpectedRollbackError)
    expect(await idsIn(database)).toEqual([1])
  })

  it("rejects with the callback's own error where that reaches the root", async () => {
    const { db } = open()
    expect(await rejection(db.transaction((trx) => trx.transaction(fail)))).toBe(boom)
  })

  it('rejects a statement before the wire, with the first failure as cause', async () => {
    const { db, received } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 1).catch(() => 'swallowed')
        await trx('items').select()
      }),
    )
    expect(error).toBeInstanceOf(RollbackOnlyError)
    expect(error).toMatchObject({ code: 'FLATTEN_ROLLBACK_ONLY', cause: { code: '23505' } })
    expect(error.message).toMatch(/^The statement\n {4}select \* from "items"\nwas not sent: the transaction/)
    expect((await received()).filter((sql) => /select/.test(sql))).toEqual([])
  })

  it('tells a long statement on one line, and not to its end', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 1).catch(() => 'swallowed')
        await trx.raw(`select 1,\n      ${'2, '.repeat(500)}\n  3`)
      }),
    )
    expect(error.message).toMatch(/^The statement\n {4}select 1, 2, 2, [2, ]{100,400} …\nwas not sent/)
  })

  it('tells in which scope a statement was refused, and which scopes had swallowed the error', async () => {
    const { db } = open()
    const behind = await rejection(
      db.transaction(async (trx) => {
        await trx
          .transaction((inner) => insert(inner, 1).catch(() => 'swallowed'), { name: 'swallower' })
          .catch(() => 'swallowed again')
        await trx.raw('select 1')
      }),
    )
    expect(behind).toBeInstanceOf(RollbackOnlyError)
    expect(behind.message).toMatch(/The error was swallowed in the scope "swallower"/)
    const within = await rejection(
      db.transaction((trx) =>
        trx.transaction(
          async (inner) => {
            await insert(inner, 1).catch(() => 'swallowed')
            await inner.raw('select 1')
          },
          { name: 'both' },
        ),
      ),
    )
    expect(within.message).toMatch(/was not sent in the scope "both" \(.*\): the transaction \(opened at/)
  })

  it('blames neither itself nor a scope that it ran in for an error of its own', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx.transaction(() => insert(trx, 1).catch(() => 'swallowed')).catch(() => 'swallowed again')
      }),
    )
    expect(error.message).toMatch(/^This statement failed in the transaction/m)
    expect(error.message).not.toContain('was swallowed in')
  })

  it('refuses to open another scope, without running its callback', async () => {
    const { db } = open()
    let ran = false
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx.transaction(fail).catch(() => 'swallowed')
        await trx.transaction(async () => {
          ran = true
        })
      }),
    )
    expect(error).toBeInstanceOf(RollbackOnlyError)
    expect(error.cause).toBe(boom)
    expect(ran).toBe(false)
  })

  it('is doomed by an SQL error whose promise was caught', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 2)
        await insert(trx, 1).catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toMatchObject({ code: '23505' })
    expect(await idsIn(database)).toEqual([1])
  })

  it('rejects the scope that swallowed an SQL error, and the root after it', async () => {
    const { db } = open()
    let scopeError: any
    const error = await rejection(
      db.transaction(async (trx) => {
        const scope = trx.transaction(async (inner) => {
          await insert(inner, 1).catch(() => 'swallowed')
          return 'fine'
        })
        scopeError = await rejection(scope)
      }),
    )
    expect(scopeError).toBeInstanceOf(UnexpectedRollbackError)
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toMatchObject({ code: '23505' })
  })

  it('rejects when a scope was rolled back by hand and the root committed', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const scope = await trx.transaction()
    await insert(scope, 2)
    await scope.rollback()
    expect(await rejection(trx.commit())).toBeInstanceOf(UnexpectedRollbackError)
    expect(await idsIn(database)).toEqual([1])
  })

  it('is doomed by a scope that throws something else than an error', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is the point
        await trx.transaction(() => Promise.reject('no error')).catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toBe('no error')
  })

  it('keeps the first failure as cause when others were on their way with it', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction((trx) => Promise.allSettled([insert(trx, 1), insert(trx, 2)])),
    )
    expect(error.cause).toMatchObject({ code: '23505' })
  })

  it('keeps the first failure as cause when others follow', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx.transaction(fail).catch(() => undefined)
        await trx.transaction(async () => undefined).catch(() => undefined)
        await insert(trx, 3).catch(() => undefined)
      }),
    )
    expect(error.cause).toBe(boom)
  })

  it('can be rolled back by hand without an error', async () => {
    const { db } = open()
    const trx = await db.transaction()
    await insert(trx, 1).catch(() => 'swallowed')
    await trx.rollback()
    await expect(trx.executionPromise).resolves.toBeUndefined()
  })

  it('is not doomed by a binding that could not be written and never reached the server', async () => {
    const { db } = open()
    const unwritable = {
      toPostgres() {
        throw new Error('unwritable')
      },
    }
    await db.transaction(async (trx) => {
      await insert(trx, 2)
      expect(await rejection(trx.raw('select ?', [unwritable as any]))).toMatchObject({
        message: expect.stringContaining('unwritable'),
      })
    })
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('is doomed by an error in the middle of a stream', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await insert(trx, 2)
        const rows = trx.raw('select 1 / (3 - n) from generate_series(1, 5) as n').stream()
        await rejection(rows.toArray())
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toMatchObject({ code: '22012' })
  })

  it('ends a stream that is asked of it with the error, so that no reader waits for ever', async () => {
    const { db } = open()
    const trx = await db.transaction()
    await insert(trx, 1).catch(() => 'swallowed')
    expect(await rejection(trx('items').stream().toArray())).toBeInstanceOf(RollbackOnlyError)
    let handed: any
    const piped = trx('items').stream((stream) => {
      handed = rejection(stream.toArray())
    })
    await piped.catch(() => 'said to the stream')
    expect(await handed).toBeInstanceOf(RollbackOnlyError)
    await trx.rollback()
  })

  describe('with doomOn', () => {
    class Declined extends Error {}
    const doomOn = (error: unknown) => !(error instanceof Declined)

    it('commits the root after an application error that need not doom', async () => {
      const { db } = open(doomOn)
      await db.transaction(async (trx) => {
        await insert(trx, 2)
        expect(
          await rejection(
            trx.transaction(async () => {
              throw new Declined()
            }),
          ),
        ).toBeInstanceOf(Declined)
      })
      expect(await idsIn(database)).toEqual([1, 2])
    })

    it.each<[string, (trx: Knex.Transaction) => Promise<unknown>]>([
      ['another application error', (trx) => trx.transaction(fail)],
      [
        'an SQL error, whatever is thrown for it',
        (trx) =>
          trx.transaction((inner) =>
            insert(inner, 1).catch(() => {
              throw new Declined()
            }),
          ),
      ],
    ])('still dooms on %s', async (_what, nest) => {
      const { db } = open(doomOn)
      const root = db.transaction(async (trx) => {
        await nest(trx).catch(() => 'swallowed')
      })
      expect(await rejection(root)).toBeInstanceOf(UnexpectedRollbackError)
    })

    it('dooms on a bare rollback without asking the predicate', async () => {
      const { db } = open(() => false)
      const root = db.transaction(async (trx) => {
        await (await trx.transaction()).rollback()
      })
      expect(await rejection(root)).toBeInstanceOf(UnexpectedRollbackError)
    })

    it('dooms where the predicate itself throws', async () => {
      const { db } = open(() => {
        throw boom
      })
      const root = db.transaction(async (trx) => {
        await trx
          .transaction(async () => {
            throw new Declined()
          })
          .catch(() => 'swallowed')
      })
      await expect(root).rejects.toBeInstanceOf(UnexpectedRollbackError)
    })
  })

  it('tells which statement failed, in which scope, opened where, and who swallowed it, without bindings', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(
        async (trx) => {
          await trx
            .transaction(
              async (inner) => {
                await insert(inner, 1).catch(() => 'swallowed')
              },
              { name: 'reserve stock' },
            )
            .catch(() => 'swallowed again')
        },
        { name: 'checkout' },
      ),
    )
    const place = String.raw`packages/knex-flatten/test/doom\.test\.ts:\d+:\d+`
    expect(error.message).toMatch(
      new RegExp(
        [
          String.raw`^The transaction "checkout" \(opened at ${place}\) was rolled back instead of committed: nothing of it is stored\.`,
          String.raw`This statement failed in the scope "reserve stock" \(opened at ${place}\):`,
          String.raw`    insert into "items" \("id", "note"\) values \(\$1, \$2\)`,
          String.raw`    23505 duplicate key value violates unique constraint "items_pkey"`,
          String.raw`The error was swallowed in the scope "reserve stock" \(opened at ${place}\): its callback returned as if nothing had happened\.`,
        ].join('\n'),
      ),
    )
    expect(error.message).not.toContain('secret')
  })
})
