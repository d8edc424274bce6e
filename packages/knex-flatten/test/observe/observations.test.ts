import { compileFunction } from 'node:vm'
import type { Knex } from 'knex'
import {
  afterCommit,
  describeObservations,
  flatten,
  observations,
  TransactionOptionsError,
} from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, rejection, useItems } from '../items.ts'

class OutOfStock extends Error {}

describe.each(knexVersions)('what is observed on Knex %s', (_version, knex) => {
  const database = useItems()
  const open = (config: Partial<Knex.Config> = {}) =>
    connectFlat(database, { knex, config }, { nested: 'observe' })

  beforeEach(() => database.rows('delete from orders; delete from items; insert into items values (1)'))

  it('tells of a scope that failed and was undone alone, where, and why, without its bindings', async () => {
    const { db } = open()
    await db.transaction(
      async (trx) => {
        await trx('items').insert({ id: 2 })
        await trx
          .transaction((inner) => inner('items').insert({ id: 1, note: 'secret' }), { name: 'reserve stock' })
          .catch(() => 'swallowed')
      },
      { name: 'place order' },
    )
    expect(await idsIn(database)).toEqual([1, 2])
    const place = expect.stringMatching(
      /^packages\/knex-flatten\/test\/observe\/observations\.test\.ts:\d+:\d+$/,
    )
    expect(observations(db)).toEqual([
      {
        kind: 'scope-undone-alone',
        count: 1,
        firstSeen: expect.stringMatching(/^\d{4}-.*Z$/),
        lastSeen: expect.any(String),
        transaction: { name: 'place order', place },
        scope: { name: 'reserve stock', place },
        call: null,
        statement: 'insert into "items" ("id", "note") values ($1, $2)',
        code: '23505',
        error: 'DatabaseError',
      },
    ])
    expect(JSON.parse(JSON.stringify(observations(db)))).toEqual(observations(db))
  })

  it('merges what is seen at one place, whatever the names and errors', async () => {
    const { db } = open()
    let began: string | undefined
    for (const name of ['a', 'b', 'c']) {
      await db.transaction(
        async (trx) => {
          await trx
            .transaction(() => Promise.reject(name === 'c' ? new OutOfStock() : new Error('no')), { name })
            .catch(() => 'swallowed')
        },
        { name },
      )
      began ??= observations(db)[0]!.firstSeen
      while (new Date().toISOString() === began) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(observations(db)).toMatchObject([{ count: 3, error: 'OutOfStock', scope: { name: 'c' } }])
    const [seen] = observations(db)
    expect(seen!.firstSeen).toBe(began)
    expect(seen!.lastSeen > seen!.firstSeen).toBe(true)
    expect(seen).toSatisfy(Object.isFrozen)
  })

  it('keeps 500 places one by one, and counts the others', async () => {
    const { db } = open()
    const fail = (): Promise<never> => Promise.reject(new OutOfStock())
    await db.transaction(async (trx) => {
      for (const line of [...Array(503).keys(), 0]) {
        const scope = compileFunction('return trx.transaction(fail)', ['trx', 'fail'], {
          filename: `/app/${line}.js`,
        })
        await scope(trx, fail).catch(() => 'swallowed')
      }
    })
    expect(observations(db)).toHaveLength(501)
    expect(observations(db)[0]).toMatchObject({ kind: 'scope-undone-alone', count: 2 })
    expect(observations(db).at(-1)).toMatchObject({ kind: 'other-places', count: 3, scope: null })
  })

  it('says nothing of scopes that went well, nor of a transaction that failed as a whole', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      await trx.transaction(async (inner) =>
        inner.transaction((innermost) => innermost('items').insert({ id: 2 })),
      )
      await trx.savepoint((inner) => inner('items').insert({ id: 3 }))
    })
    await rejection(
      db.transaction(async (trx) => {
        await trx.transaction((inner) => inner('items').insert({ id: 1 }))
      }),
    )
    expect(observations(db)).toEqual([])
    expect(describeObservations(db)).toBe('Nothing was seen that flattening would have changed.')
  })

  it('tells only of the outermost scope that failed', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      const outer = trx.transaction(
        async (middle) => middle.transaction(() => Promise.reject(new OutOfStock())),
        {
          name: 'outer',
        },
      )
      await outer.catch(() => 'swallowed')
    })
    expect(observations(db)).toMatchObject([{ scope: { name: 'outer' }, error: 'OutOfStock' }])
  })

  it('tells of what was undone by a savepoint of the application’s own', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      await trx.raw('savepoint mine')
      await trx('items')
        .insert({ id: 1 })
        .catch(() => 'swallowed')
      await trx.raw('rollback to savepoint mine')
    })
    expect(observations(db)).toMatchObject([{ kind: 'scope-undone-alone', scope: null, code: '23505' }])
  })

  it('tells of a COMMIT that PostgreSQL answered with ROLLBACK, and lets it resolve as Knex does', async () => {
    const { db } = open()
    const value = await db.transaction(async (trx) => {
      await trx('items')
        .insert({ id: 1 })
        .catch(() => 'swallowed')
      return 'success'
    })
    expect(value).toBe('success')
    expect(observations(db)).toMatchObject([
      {
        kind: 'commit-was-rollback',
        code: '23505',
        statement: expect.stringMatching(/^insert/),
        scope: null,
      },
    ])
  })

  it('names the statement that failed last of itself where PostgreSQL answered COMMIT with ROLLBACK', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      await trx.transaction(() => Promise.reject(new OutOfStock())).catch(() => 'swallowed')
      await trx('items')
        .insert({ id: 1 })
        .catch(() => 'swallowed')
      await trx.raw('select 1').catch(() => 'refused, since all is aborted')
    })
    expect(observations(db)).toMatchObject([
      { kind: 'commit-was-rollback', code: '23505', statement: expect.stringMatching(/^insert/) },
    ])
  })

  it('gives a scope that was rolled back without an error the reason that the server had', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      await trx.transaction(async (first) => {
        await first('items')
          .insert({ id: 1 })
          .catch(() => 'swallowed')
        await first.rollback()
      })
      await trx.transaction((second) => second.rollback(new OutOfStock())).catch(() => 'swallowed')
    })
    expect(observations(db).map(({ error, code, statement }) => [error, code, statement])).toEqual([
      ['DatabaseError', '23505', expect.stringMatching(/^insert/)],
      ['OutOfStock', null, null],
    ])
  })

  it('tells where commit() resolved though COMMIT failed, but not where nobody was told that it had not', async () => {
    const { db } = open()
    const violate = (trx: Knex.Transaction) => trx('orders').insert({ item: 99 })
    expect(await rejection(db.transaction(violate))).toMatchObject({ code: '23503' })
    expect(
      await rejection(
        db.transaction(async (trx) => {
          await violate(trx)
        }),
      ),
    ).toMatchObject({ code: '23503' })
    expect(observations(db)).toEqual([])
    const trx = await db.transaction()
    await violate(trx)
    await trx.commit()
    await rejection(trx.executionPromise)
    expect(observations(db)).toMatchObject([
      { kind: 'commit-failure-untold', call: expect.stringMatching(/observations\.test\.ts/) },
    ])
  })

  it('tells of a callback that was run though BEGIN had failed', async () => {
    const { db } = open({ pool: { max: 1 } })
    const { pid } = (await db.raw('select pg_backend_pid() as pid')).rows[0]
    const original = db.client.acquireConnection
    let ran = false
    db.client.acquireConnection = async () => {
      const connection = await original.call(db.client)
      const gone = new Promise((resolve) => connection.once('end', resolve))
      await database.rows(`select pg_terminate_backend(${pid})`)
      await gone
      return connection
    }
    await rejection(
      db.transaction(async () => {
        ran = true
      }),
    )
    db.client.acquireConnection = original
    expect(ran).toBe(true)
    expect(observations(db)).toMatchObject([{ kind: 'callback-without-transaction', statement: 'BEGIN;' }])
  })

  it('tells of scopes that were open when their transaction ended', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const outer = await trx.transaction(undefined, { name: 'outer' })
    await outer.transaction(undefined, { name: 'inner' })
    await outer.commit()
    await trx.transaction(undefined, { name: 'last' })
    await trx.commit()
    const left = observations(db).filter(({ kind }) => kind === 'scope-left-open')
    expect(left.map(({ scope }) => scope?.name)).toEqual(['inner', 'last'])
  })

  it('tells of a scope opened on the outer transaction inside a running one, at once', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      let sibling!: Promise<unknown>
      await trx.transaction(async () => {
        sibling = Promise.resolve(trx.transaction(async () => 'late', { name: 'sibling' }))
        expect(observations(db)).toMatchObject([{ kind: 'sibling-inside-scope', scope: { name: 'sibling' } }])
      })
      await sibling
    })
    expect(observations(db)).toHaveLength(1)
  })

  it('tells of a scope that waits behind an open sibling longer than flattening lets it', async () => {
    const { db } = open({ acquireConnectionTimeout: 200 })
    const trx = await db.transaction()
    const first = await trx.transaction()
    const second = trx.transaction(undefined, { name: 'second' })
    await expect
      .poll(() => observations(db), { timeout: 30_000 })
      .toMatchObject([{ kind: 'scope-waits-in-vain', scope: { name: 'second' } }])
    await first.commit()
    await (await second).commit()
    await trx.commit()
    expect(observations(db)).toHaveLength(1)
  })

  it.each([{ isolationLevel: 'serializable' }, { durable: true }] as const)(
    'tells of a scope that asks in vain for %o',
    async (config) => {
      const { db } = open()
      await db.transaction(
        (trx) => trx.transaction((inner) => inner('items').insert({ id: 2 }), config),
        config,
      )
      expect(observations(db)).toHaveLength('durable' in config ? 1 : 0)
      await db.transaction((trx) => trx.transaction((inner) => inner('items').insert({ id: 3 }), config))
      expect(observations(db).map(({ kind }) => kind)).toContain('option-ignored')
      expect(await idsIn(database)).toEqual([1, 2, 3])
    },
  )

  it('tells of a write in a scope that was to read only', async () => {
    const { db } = open()
    await db.transaction((trx) =>
      trx.transaction(
        async (inner) => {
          await inner('items')
          expect(observations(db)).toEqual([])
          await inner('items').insert({ id: 2 })
        },
        { readOnly: true },
      ),
    )
    expect(observations(db)).toMatchObject([{ kind: 'write-in-read-only-scope' }])
  })

  it('tells of a connection that was in a transaction already', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      const connection = await trx.client.acquireConnection()
      await db.transaction(async () => undefined, { connection })
    })
    expect(observations(db)).toMatchObject([{ kind: 'connection-in-transaction' }])
  })

  it('tells of a transaction ended twice where that is answered otherwise, and of no other', async () => {
    const { db } = open()
    const first = await db.transaction()
    await first.commit()
    await first.commit()
    await first.rollback()
    const second = await db.transaction()
    await second.rollback(new Error('no'))
    await rejection(second.executionPromise)
    await second.rollback()
    await db.transaction(async (trx) => trx.rollback())
    expect(observations(db)).toEqual([])
    const third = await db.transaction()
    await third.rollback()
    await third.commit()
    // Committed, yet rejected.
    await rejection(
      db.transaction(async (trx) => {
        void trx.commit()
      }),
    )
    expect(observations(db).map(({ kind, call }) => [kind, call === null])).toEqual([
      ['ended-twice', false],
      ['ended-twice', true],
    ])
  })

  it('tells of what came after a failure, though all was rolled back in the end', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx.transaction(() => Promise.reject(new Error('no'))).catch(() => 'swallowed')
        await trx('items').insert({ id: 2 })
        throw new OutOfStock()
      }),
    )
    expect(error).toBeInstanceOf(OutOfStock)
    expect(observations(db)).toMatchObject([
      { kind: 'went-on-after-failure', statement: expect.stringMatching(/^insert/) },
    ])
  })

  it('tells of the first that came after a failure, though it be a scope or the COMMIT', async () => {
    const { db } = open()
    const trx = await db.transaction()
    await trx.transaction(() => Promise.reject(new OutOfStock())).catch(() => 'swallowed')
    await trx('orders').insert({ item: 99 })
    await trx('items').insert({ id: 2 })
    await rejection(trx.commit().then(() => trx.executionPromise))
    const other = await db.transaction()
    await other('orders').insert({ item: 99 })
    await other.transaction(() => Promise.reject(new OutOfStock())).catch(() => 'swallowed')
    await rejection(other.commit().then(() => other.executionPromise))
    const wentOn = observations(db).filter(({ kind }) => kind === 'went-on-after-failure')
    expect(wentOn.map(({ statement }) => statement)).toEqual([expect.stringContaining('"orders"'), null])
  })

  it('takes a scope that was left open for a failure', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const outer = await trx.transaction()
    await outer.transaction()
    await outer.commit()
    await trx('items').insert({ id: 2 })
    await trx.rollback()
    expect(observations(db).map(({ kind }) => kind)).toEqual(['scope-left-open', 'went-on-after-failure'])
  })

  it('describes it all for a terminal, most frequent first', async () => {
    const { db } = open()
    const fail = (trx: Knex.Transaction, name: string) =>
      trx
        .transaction((inner) => inner('items').insert({ id: 1, note: 'secret' }), { name })
        .catch(() => 'swallowed')
    await db.transaction(async (trx) => {
      await trx.transaction(() => Promise.reject(new OutOfStock()), { name: 'once' }).catch(() => 'swallowed')
      for (const name of ['first', 'again']) await fail(trx, name)
    })
    const report = describeObservations(db)
    expect(report).toMatch(
      /^scope-undone-alone: 3 times at 2 places\n {2}A nested transaction failed and was undone alone/,
    )
    expect(report).toMatch(
      /2 × scope "again" \(opened at .*observations\.test\.ts:\d+:\d+\) in transaction \(opened at/,
    )
    expect(report).toMatch(/insert into "items" .* values \(\$1, \$2\)\n {6}DatabaseError 23505/)
    expect(report.indexOf('"again"')).toBeLessThan(report.indexOf('"once"'))
    expect(report).not.toContain('secret')
  })

  it('takes no other option, and of a transaction none that Knex has not', async () => {
    const { db } = database.connect({ knex })
    for (const other of [
      { ambient: true },
      { lazyBegin: true },
      { doomOn: 'scope' as const },
      { callSites: false },
    ]) {
      expect(() => flatten(db, { nested: 'observe', ...other })).toThrow(
        /nested 'observe' and \w+ contradict/,
      )
    }
    flatten(db, { nested: 'observe', ambient: false })
    for (const config of [{ retry: true }, { savepoint: true }, { propagation: 'requires-new' }] as const) {
      const refusal = await rejection(db.transaction(async () => 'never', config))
      expect(refusal).toBeInstanceOf(TransactionOptionsError)
      expect(refusal.message).toMatch(/only observed/)
    }
    await db.transaction(async (trx) => {
      expect(() => afterCommit(trx, () => undefined)).toThrow(TransactionOptionsError)
    })
  })

  it('has nothing to tell of an instance that is not observed', () => {
    for (const db of [database.connect({ knex }).db, connectFlat(database, { knex }).db]) {
      expect(() => observations(db)).toThrow(/this instance is not observed/)
    }
  })
})
