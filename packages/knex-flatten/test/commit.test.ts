import { beforeEach, describe, expect, it } from 'vitest'
import {
  afterCommit,
  afterCompletion,
  afterRollback,
  CommitOutcomeUnknownError,
  ScopeStillOpenError,
  UnexpectedRollbackError,
} from 'knex-flatten'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, pidOf, rejection, unhandledDuring, useItems } from './items.ts'

describe.each(knexVersions)('the end of a transaction on Knex %s', (_version, knex) => {
  const database = useItems()
  const open = () => connectFlat(database, { knex, config: { pool: { min: 0, max: 1 } } })

  beforeEach(() => database.rows('delete from orders; delete from items; insert into items values (1)'))

  it('rejects a COMMIT that PostgreSQL answers with ROLLBACK, though no scope was involved', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx('items').insert({ id: 2 })
        const connection = await trx.client.acquireConnection()
        // Past Knex and this library: nobody but the server knows of the failure.
        await connection.query('select 1/0').catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.message).toMatch(/answered the COMMIT of the transaction .* with ROLLBACK/)
    expect(await idsIn(database)).toEqual([1])
  })

  it('names the failed statement where it was not awaited before the COMMIT', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        trx('items')
          .insert({ id: 1 })
          .catch(() => 'swallowed')
      }),
    )
    expect(error).toBeInstanceOf(UnexpectedRollbackError)
    expect(error.cause).toMatchObject({ code: '23505' })
  })

  it('rejects await trx.commit() where COMMIT itself fails', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const pid = await pidOf(trx)
    await trx('orders').insert({ item: 99 })
    expect(await rejection(trx.commit())).toMatchObject({ code: '23503' })
    expect(await rejection(trx.executionPromise)).toMatchObject({ code: '23503' })
    // The connection is whole and can be lent again.
    expect(await pidOf(db)).toBe(pid)
  })

  it('shouts no louder than Knex when commit() is not awaited', async () => {
    const { db } = open()
    const unhandled = await unhandledDuring(async () => {
      const trx = await db.transaction()
      await trx('orders').insert({ item: 99 })
      void trx.commit()
      await rejection(trx.executionPromise)
    })
    expect(unhandled).toEqual([])
  })

  it('leaves the rejection of a transaction nobody awaits unhandled, as Knex does', async () => {
    const { db } = open()
    const unhandled = await unhandledDuring(async () => {
      const ended = new Promise((resolve) => {
        void db.transaction(async (trx) => {
          trx.executionPromise.catch(resolve)
          await trx('items')
            .insert({ id: 1 })
            .catch(() => 'swallowed')
        })
      })
      await ended
    })
    expect(unhandled).toEqual([expect.any(UnexpectedRollbackError)])
  })

  it.each(['returns', 'throws'])(
    'refuses to commit a root around an open scope, which then %s',
    async (how) => {
      const { db, received } = open()
      let started!: () => void
      let release!: () => void
      const running = new Promise<void>((resolve) => (started = resolve))
      const held = new Promise<void>((resolve) => (release = resolve))
      const boom = new Error('boom')
      let scope!: Promise<unknown>
      const error = await rejection(
        db.transaction(async (trx) => {
          await trx('items').insert({ id: 2 })
          scope = trx.transaction(
            async () => {
              started()
              await held
              if (how === 'throws') throw boom
            },
            { name: 'forgotten' },
          )
          scope.catch(() => undefined)
          await running
        }),
      )
      release()
      expect(error).toBeInstanceOf(ScopeStillOpenError)
      expect(error.message).toMatch(/was ended while scope "forgotten" \(opened at .*commit\.test\.ts/)
      const late = await rejection(scope)
      if (how === 'throws') expect(late).toBe(boom)
      else expect(late).toMatchObject({ code: 'FLATTEN_ROLLBACK_ONLY', cause: error })
      expect((await received()).at(-1)).toBe('ROLLBACK')
      expect(await idsIn(database)).toEqual([1])
    },
  )

  it('never runs the callback of a scope that its root did not wait for', async () => {
    const { db } = open()
    let ran = false
    let scope!: Promise<unknown>
    const root = db.transaction(async (trx) => {
      scope = trx.transaction(async () => {
        ran = true
      })
      scope.catch(() => undefined)
    })
    expect(await rejection(root)).toBeInstanceOf(ScopeStillOpenError)
    expect(await rejection(scope)).toMatchObject({ code: 'FLATTEN_ROLLBACK_ONLY' })
    expect(ran).toBe(false)
  })

  it('names all the scopes that it is ended around', async () => {
    const { db } = open()
    const trx = await db.transaction()
    await trx.transaction(undefined, { name: 'open' })
    const waiting = rejection(trx.transaction(undefined, { name: 'waiting' }))
    const error = await rejection(trx.commit())
    expect(error.message).toMatch(/while scope "open" .* and scope "waiting" .* inside it were still running/)
    expect(await waiting).toMatchObject({ code: 'FLATTEN_ROLLBACK_ONLY' })
  })

  it('is certain where the driver has not sent COMMIT any more', async () => {
    const { db } = open()
    const ran: string[] = []
    const trx = await db.transaction()
    afterCompletion(trx, (outcome) => ran.push(outcome))
    const connection = await trx.client.acquireConnection()
    void connection.end()
    expect((await rejection(trx.commit())).message).toMatch(/is not queryable/)
    expect(ran).toEqual(['rolled-back'])
  })

  it('refuses to end a scope while a scope inside it is open', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const outer = await trx.transaction()
    await outer.transaction()
    expect(await rejection(outer.commit())).toBeInstanceOf(ScopeStillOpenError)
    expect(await rejection(trx.commit())).toBeInstanceOf(UnexpectedRollbackError)
    expect(await idsIn(database)).toEqual([1])
  })

  it('is ended once: commit() twice, rollback() twice and rollback() after commit() send nothing more', async () => {
    const { db, received } = open()
    const first = await db.transaction()
    await Promise.all([first.commit(), first.commit()])
    await first.rollback(new Error('too late'))
    const second = await db.transaction()
    await Promise.all([second.rollback(), second.rollback()])
    expect((await received()).filter((sql) => !/version/.test(sql))).toEqual([
      'BEGIN;',
      'COMMIT;',
      'BEGIN;',
      'ROLLBACK',
    ])
  })

  it('keeps the value of a commit() that the callback does not await', async () => {
    const { db } = open()
    const value = await db.transaction(async (trx) => {
      await trx('items').insert({ id: 2 })
      void trx.commit('early')
      return 'late'
    })
    expect(value).toBe('early')
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('refuses commit() after rollback(), for a root and for a scope', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const scope = await trx.transaction()
    await scope.rollback()
    expect(await rejection(scope.commit())).toBeInstanceOf(UnexpectedRollbackError)
    await trx.rollback()
    expect(await rejection(trx.commit())).toBeInstanceOf(UnexpectedRollbackError)
  })

  it("keeps the callback's error when ROLLBACK cannot be sent, and the connection out of the pool", async () => {
    const { db } = open()
    const boom = new Error('boom')
    const error = await rejection(
      db.transaction(async (trx) => {
        const connection = await trx.client.acquireConnection()
        connection.connection.stream.destroy()
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(await db('items').pluck('id')).toEqual([1])
  })

  it('disposes a connection that died at COMMIT', async () => {
    const { db } = open()
    const killed = await db.transaction()
    const connection = await killed.client.acquireConnection()
    const [{ pid }] = (await killed.raw('select pg_backend_pid() as pid')).rows
    // A deferred check that ends its own session: the connection is lost while COMMIT is in flight.
    await database.rows(`
      create or replace function die() returns trigger language plpgsql as
        $$ begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1); return null; end $$;
      drop trigger if exists die on orders;
      create constraint trigger die after insert on orders deferrable initially deferred
        for each row when (new.item is null) execute function die();
    `)
    await killed('orders').insert({ item: null })
    expect(await rejection(killed.commit())).toBeInstanceOf(CommitOutcomeUnknownError)
    expect(connection.__knex__disposed).toBeDefined()
    const [next] = (await db.raw('select pg_backend_pid() as pid')).rows
    expect(next.pid).not.toBe(pid)
  })

  it.each(['08007', '40003'])('is unknown where the server answers COMMIT with %s, a doubt', async (code) => {
    const { db } = open()
    await database.rows(`
      create or replace function doubt() returns trigger language plpgsql as
        $$ begin raise exception 'who knows' using errcode = '${code}'; end $$;
      drop trigger if exists die on orders;
      create constraint trigger doubt after insert on orders deferrable initially deferred
        for each row when (new.item is null) execute function doubt();
    `)
    try {
      const ran: unknown[] = []
      const error = await rejection(
        db.transaction((trx) => {
          for (const hook of [afterCommit, afterRollback, afterCompletion]) {
            hook(trx, (argument?: unknown) => ran.push(argument))
          }
          return trx('orders').insert({ item: null })
        }),
      )
      expect(ran).toEqual(['unknown'])
      expect(error).toBeInstanceOf(CommitOutcomeUnknownError)
      expect(error.cause).toMatchObject({ code })
    } finally {
      await database.rows('drop trigger doubt on orders')
    }
  })

  it('gives its connection back as it was, after COMMIT, ROLLBACK and a BEGIN that was refused', async () => {
    const { db } = open()
    const pid = await pidOf(db)
    await db.transaction((trx) => trx.raw('select 1'))
    expect(await pidOf(db)).toBe(pid)
    await rejection(db.transaction(() => Promise.reject(new Error('boom'))))
    expect(await pidOf(db)).toBe(pid)
    await rejection(db.transaction(async () => undefined, { isolationLevel: 'snapshot' }))
    expect(await pidOf(db)).toBe(pid)
  })

  it('gives back no connection on which BEGIN may yet be carried out', async () => {
    const { db } = open()
    const connection = await db.client.acquireConnection()
    const query = connection.query.bind(connection)
    // What `query_timeout` of the driver does: it stops waiting, the server does not.
    connection.query = (config: any, done: any) =>
      query(config, (error: unknown, answer: unknown) =>
        done(config.text === 'BEGIN;' ? new Error('Query read timeout') : error, answer),
      )
    await db.client.releaseConnection(connection)
    expect(await rejection(db.transaction(async () => undefined))).toMatchObject({
      message: expect.stringContaining('Query read timeout'),
    })
    expect(await pidOf(db)).not.toBe(connection.processID)
  })

  it('refuses a text that is sent past the builders of a doomed one, which is no statement of its own', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        const connection = await trx.client.acquireConnection()
        await trx.raw('select 1/0').catch(() => 'swallowed')
        await trx.client.query(connection, 'select 1')
      }),
    )
    expect(error).toMatchObject({ code: 'FLATTEN_ROLLBACK_ONLY' })
  })

  it('rejects before its callback runs where BEGIN fails, in either form', async () => {
    const { db } = open()
    let ran = false
    const impossible = { isolationLevel: 'snapshot' } as const
    const callback = db.transaction(async () => {
      ran = true
    }, impossible)
    expect(await rejection(callback)).toMatchObject({ code: '42601' })
    expect(await rejection(db.transaction(undefined, impossible))).toMatchObject({ code: '42601' })
    expect(ran).toBe(false)
    // No mark of the failed root is left on the pooled connection.
    await db.transaction(async (trx) => trx('items').insert({ id: 2 }))
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it("gives the outer transaction's id back to the connection after a scope", async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      const connection = await trx.client.acquireConnection()
      const outer = connection.__knexTxId
      await trx.transaction(async () => {
        expect(connection.__knexTxId).not.toBe(outer)
      })
      expect(connection.__knexTxId).toBe(outer)
      expect(outer).toMatch(/^trx\d+$/)
    })
  })

  it('refuses a connection that is inside a transaction already', async () => {
    const { db } = connectFlat(database, { knex })
    await db.transaction(async (trx) => {
      const connection = await trx.client.acquireConnection()
      // An older driver does not tell.
      connection.getTransactionStatus = undefined
      const error = await rejection(db.transaction(async () => undefined, { connection }))
      expect(error).toMatchObject({ code: 'FLATTEN_OPTIONS' })
      const other = await db.client.acquireConnection()
      expect(await rejection(trx.transaction(async () => undefined, { connection: other }))).toMatchObject({
        code: 'FLATTEN_OPTIONS',
      })
      for (const sql of ['begin', 'select 1/0']) {
        await other.query(sql).catch(() => 'aborted')
        expect(await rejection(db.transaction(async () => undefined, { connection: other }))).toMatchObject({
          code: 'FLATTEN_OPTIONS',
        })
      }
      await other.query('rollback')
      await db.transaction(async (own) => own('items').insert({ id: 2 }), { connection: other })
      await db.client.releaseConnection(other)
      await trx.transaction(async (scope) => scope('items').insert({ id: 3 }), { connection })
    })
    expect(await idsIn(database)).toEqual([1, 2, 3])
  })

  describe('that is not awaited', () => {
    const boom = new Error('boom')

    it('rejects a callback that returns after rollback()', async () => {
      const { db } = open()
      const outcome = db.transaction(async (trx) => {
        await trx('items').insert({ id: 2 })
        void trx.rollback()
        return 'value'
      })
      expect(await rejection(outcome)).toBeInstanceOf(UnexpectedRollbackError)
      expect(await idsIn(database)).toEqual([1])
    })

    it("rejects with a callback's error thrown after commit(), once COMMIT is answered", async () => {
      const { db } = open()
      const outcome = db.transaction(async (trx) => {
        await trx('items').insert({ id: 2 })
        void trx.commit('value')
        throw boom
      })
      expect(await rejection(outcome)).toBe(boom)
      expect(await idsIn(database)).toEqual([1, 2])
    })

    it('keeps the error given to rollback()', async () => {
      const { db } = open()
      const outcome = db.transaction(async (trx) => {
        void trx.rollback(boom)
        return 'value'
      })
      expect(await rejection(outcome)).toBe(boom)
    })

    it("dooms the root where a scope's callback throws after the scope's commit()", async () => {
      const { db } = open()
      const outcome = db.transaction(async (trx) => {
        await trx
          .transaction(async (scope) => {
            void scope.commit('value')
            throw boom
          })
          .catch(() => 'swallowed')
      })
      expect(await rejection(outcome)).toMatchObject({ code: 'FLATTEN_UNEXPECTED_ROLLBACK', cause: boom })
    })
  })

  describe('with a query listener that throws', () => {
    const boom = new Error('listener')
    const failOn = (db: any, text: string) =>
      db.on('query', ({ sql }: { sql: string }) => {
        if (sql.startsWith(text)) throw boom
      })

    it('runs no callback where BEGIN could not be sent', async () => {
      const { db } = open()
      failOn(db, 'BEGIN')
      let ran = false
      expect(
        await rejection(
          db.transaction(async () => {
            ran = true
          }),
        ),
      ).toBe(boom)
      expect(ran).toBe(false)
    })

    it('rejects commit() where COMMIT could not be sent, and leaves no lock behind', async () => {
      const { db } = open()
      failOn(db, 'COMMIT')
      const trx = await db.transaction()
      await trx('items').where({ id: 1 }).update({ note: 'locked' })
      expect(await rejection(trx.commit())).toBe(boom)
      // Waits for the lock until the session is closed.
      await database.rows(`update items set note = 'free' where id = 1`)
    })

    it("keeps the callback's error where ROLLBACK could not be sent", async () => {
      const { db } = open()
      failOn(db, 'ROLLBACK')
      const mine = new Error('mine')
      expect(
        await rejection(
          db.transaction(async (trx) => {
            await trx('items').where({ id: 1 }).update({ note: 'locked' })
            throw mine
          }),
        ),
      ).toBe(mine)
      await database.rows(`update items set note = 'free' where id = 1`)
    })
  })

  it('gives back no connection on which a refused COMMIT has left the transaction open', async () => {
    const { db } = open()
    const trx = await db.transaction()
    const connection = await trx.client.acquireConnection()
    const query = connection.query.bind(connection)
    // What a cancel that arrives just before COMMIT runs does to it.
    connection.query = (config: any, done: any) =>
      query(config.text === 'COMMIT;' ? { ...config, text: 'select 1/0' } : config, done)
    expect(await rejection(trx.commit())).toMatchObject({ code: '22012' })
    connection.query = query
    expect(connection.getTransactionStatus()).toBe('I')
    expect(await db('items').pluck('id')).toEqual([1])
  })

  it.each<[string, () => unknown]>([
    ['an object without a prototype', () => Object.create(null)],
    [
      'an error that cannot be read',
      () =>
        Object.defineProperty(new Error(), 'message', {
          get() {
            throw new Error('no')
          },
        }),
    ],
  ])('rolls back although what was thrown, %s, cannot be told', async (_what, make) => {
    const { db } = open()
    const outcome = db.transaction(async (trx) => {
      await trx('items').insert({ id: 2 })
      await trx
        .transaction(async () => {
          throw make()
        })
        .catch(() => 'swallowed')
    })
    expect(await rejection(outcome)).toBeInstanceOf(UnexpectedRollbackError)
    expect(await idsIn(database)).toEqual([1])
  })

  it('rolls back although the stack cannot be read', async () => {
    const { db } = open()
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')!
    try {
      Error.prepareStackTrace = (_error, frames) => frames
      const outcome = db.transaction(async (trx) => {
        await trx.transaction(async () => Promise.reject(new Error('boom'))).catch(() => 'swallowed')
      })
      expect(await rejection(outcome)).toMatchObject({ code: 'FLATTEN_UNEXPECTED_ROLLBACK' })
    } finally {
      Object.defineProperty(Error, 'prepareStackTrace', before)
    }
  })

  it('is not doomed by a client-side error after a statement that Knex gave up waiting for', async () => {
    const { db } = open()
    await db.transaction(async (trx) => {
      await trx('items').insert({ id: 2 })
      await rejection(trx.raw('select pg_sleep(0.2)').timeout(20))
      const unwritable = {
        toPostgres() {
          throw new Error('unwritable')
        },
      }
      await rejection(trx.raw('select ?', [unwritable as any]))
    })
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('points the stack of its errors at the line that opened the transaction', async () => {
    const { db } = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx.raw('select 1/0').catch(() => 'swallowed')
      }),
    )
    expect(error.stack).toMatch(/^UnexpectedRollbackError: The transaction/)
    expect(error.stack).toMatch(/\n +at .*commit\.test\.ts:\d+:\d+/)
  })
})
