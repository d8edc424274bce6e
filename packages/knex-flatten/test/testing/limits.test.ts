import type { Knex } from 'knex'
import createKnex from 'knex'
import {
  afterCommit,
  beforeCommit,
  flatten,
  type FlattenOptions,
  ForeignConnectionError,
  TestTransactionError,
  TransactionOptionsError,
} from 'knex-flatten'
import { beginTestTransaction, inTestTransaction, type TestTransactionOptions } from 'knex-flatten/testing'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { connectFlat, idsIn, pidOf, rejection, unhandledDuring, useItems } from '../items.ts'

describe('a test transaction', () => {
  const database = useItems()
  const open = (options?: FlattenOptions, config: Partial<Knex.Config> = {}) =>
    connectFlat(database, { config }, options).db
  const insert = (on: Knex, ...ids: number[]) => on('items').insert(ids.map((id) => ({ id })))
  const ids = (on: Knex) => on('items').orderBy('id').pluck('id')
  const refusal = async (promise: PromiseLike<unknown>) => {
    const error = await rejection(promise)
    expect(error).toBeInstanceOf(TestTransactionError)
    expect(error.code).toBe('FLATTEN_TEST_TRANSACTION')
    return (error as Error).message
  }

  // Whatever a test has done, nothing of it is stored.
  afterEach(async () => expect(await idsIn(database)).toEqual([]))

  describe('refuses at once what would need a second connection', () => {
    it.each([
      [
        'on the handle',
        (db: Knex, trx: Knex) =>
          trx.transaction(async () => db, { propagation: 'requires-new', name: 'audit' }),
      ],
      [
        'on the instance',
        (db: Knex) => db.transaction(async () => db, { propagation: 'requires-new', name: 'audit' }),
      ],
      [
        'to be run again',
        (_db: Knex, trx: Knex) =>
          trx.transaction(async () => 1, { propagation: 'requires-new', name: 'audit', retry: true }),
      ],
    ] as const)('requires-new %s', async (_how, ask) => {
      for (const db of [open(), open({ ambient: true })]) {
        await inTestTransaction(db, async () => {
          await db.transaction(
            async (trx) => {
              await insert(trx, 1)
              expect(await refusal(ask(db, trx))).toMatch(
                /The transaction "audit" \(\{ propagation: 'requires-new' \}\) was asked for inside the transaction "pay" \(opened at .*limits\.test\.ts:\d+:\d+\), to stand beside it/,
              )
            },
            { name: 'pay' },
          )
          // Nothing was doomed by it.
          expect(await ids(db)).toEqual([1])
        })
      }
    })

    it('requires-new on a promise form, which no context leads to', async () => {
      const db = open()
      await inTestTransaction(db, async () => {
        const trx = await db.transaction()
        await refusal(trx.transaction(async () => 1, { propagation: 'requires-new' }))
        await trx.rollback()
      })
    })

    it('a transaction and a query on the instance itself, whose SQL it tells', async () => {
      const db = open()
      await inTestTransaction(db, async () => {
        await db.transaction(async (trx) => {
          expect(await refusal(db.transaction(async () => 1))).toMatch(
            /^The transaction was asked for inside the transaction/,
          )
          expect(await refusal(insert(db, 1))).toMatch(
            /insert into "items".*\n.*was made inside the transaction \(opened at/s,
          )
          expect(await refusal(db.schema.dropTable('items'))).toMatch(/drop table/)
          const reading = async () => {
            for await (const row of db('items').stream()) throw row
          }
          await refusal(reading())
          await insert(trx, 2)
          beforeCommit(trx, () => refusal(ids(db)))
          afterCommit(trx, async () => expect(await ids(db)).toEqual([2]))
        })
        expect(await ids(db)).toEqual([2])
      })
    })

    it("a query where the transaction around is suspended by 'not-supported'", async () => {
      const db = open({ ambient: true })
      await inTestTransaction(db, async () => {
        await db.transaction(async () => {
          await insert(db, 1)
          await db.transaction(() => refusal(insert(db, 2)), {
            propagation: 'not-supported',
          })
          await insert(db, 3)
        })
        expect(await ids(db)).toEqual([1, 3])
      })
    })

    it('what ambient lets run with a warning, and leaves what it refuses', async () => {
      const warnings: unknown[] = []
      const log = { warn: (text: unknown) => warnings.push(text) }
      const warning = open({ ambient: { foreignConnection: 'warn' } }, { log })
      await inTestTransaction(warning, () =>
        warning.transaction(async (trx) => {
          await trx.raw('select 1')
          expect(await refusal(ids(warning))).toMatch(/was made inside the transaction/)
        }),
      )
      expect(warnings).toEqual([expect.stringContaining('would run outside of it')])
      const throwing = open({ ambient: { foreignConnection: 'throw' } })
      await inTestTransaction(throwing, () =>
        throwing.transaction(async (trx) => {
          await trx.raw('select 1')
          expect(await rejection(ids(throwing))).toBeInstanceOf(ForeignConnectionError)
        }),
      )
    })
  })

  it('lets a lazy transaction that has not begun be passed by', async () => {
    const db = open({ lazyBegin: true })
    await inTestTransaction(db, () =>
      db.transaction(async (trx) => {
        await insert(db, 1)
        expect(await ids(trx)).toEqual([1])
        await refusal(ids(db))
      }),
    )
  })

  it('refuses whoever waits in vain for its connection, and goes on', async () => {
    const db = open()
    await inTestTransaction(
      db,
      async () => {
        const trx = await db.transaction(undefined, { name: 'pay' })
        await insert(trx, 1)
        const waiting = await Promise.all([refusal(ids(db)), refusal(db.transaction(async () => 1))])
        for (const message of waiting) {
          expect(message).toMatch(
            /^The one connection of the test transaction \(opened at .*limits\.test\.ts:\d+:\d+\) is held by the transaction "pay" \(opened at .*\), and nothing has happened on it for 50 ms\./,
          )
        }
        await trx.commit()
        expect(await ids(db)).toEqual([1])
        const reading = async () => {
          for await (const { id } of db.select('id').fromRaw('generate_series(1, 1000) as id').stream()) {
            expect(await refusal(db('items').where({ id }))).toMatch(/is held by a query/)
            break
          }
        }
        await reading()
        expect(await ids(db)).toEqual([1])
      },
      { stuckAfterMs: 50 },
    )
  })

  it('lets those wait behind whom something happens', async () => {
    const db = open()
    await inTestTransaction(
      db,
      async () => {
        const slow = db.transaction((trx) => trx.raw('select pg_sleep(0.3)'))
        await Promise.all([slow, insert(db, 1)])
        const late = db.raw('insert into items select 3 from pg_sleep(0.3)').timeout(20)
        expect(await rejection(late)).toMatchObject({ name: 'KnexTimeoutError' })
        // What nobody waits for any more ends, and is kept, before the next begins and fails.
        expect(await rejection(insert(db, 1))).toMatchObject({ code: '23505' })
        expect(await ids(db)).toEqual([1, 3])
        const connection = await db.client.acquireConnection()
        const asleep = connection.query('select pg_sleep(0.3)')
        await db.client.releaseConnection(connection)
        const reading = async () => {
          for await (const { id } of db('items').stream()) expect(id).toBeGreaterThan(0)
        }
        await Promise.all([asleep, reading(), insert(db, 4)])
      },
      { stuckAfterMs: 100 },
    )
  })

  it('lets them wait for ever where that is said', async () => {
    const db = open()
    const warnings: unknown[] = []
    const note = (warning: unknown): unknown => warnings.push(warning)
    process.on('warning', note)
    await inTestTransaction(
      db,
      async () => {
        const trx = await db.transaction()
        const waiting = insert(db, 1).then(() => 'stored')
        const soon = new Promise((resolve) => setTimeout(resolve, 100, 'not yet'))
        expect(await Promise.race([waiting, soon])).toBe('not yet')
        await trx.commit()
        expect(await waiting).toBe('stored')
      },
      { stuckAfterMs: Infinity },
    )
    process.off('warning', note)
    // Node would have told that it cannot count so far, and not have waited at all.
    expect(warnings).toEqual([])
  })

  it('is nothing to a transaction that was open before it', async () => {
    const db = open()
    await db.transaction(async (trx) => {
      await insert(trx, 1)
      await inTestTransaction(db, async () => {
        await insert(db, 2)
        await db.transaction((other) => insert(other, 3))
        await trx.transaction((other) => insert(other, 4), { propagation: 'requires-new' })
        expect(await ids(db)).toEqual([2, 3, 4])
        expect(await ids(trx)).toEqual([1])
      })
      await insert(trx, 2)
      await trx.rollback()
    })
  })

  it("takes its connection from a pool of the driver's own, and gives it back", async () => {
    const pool = new pg.Pool({ connectionString: database.primaryUrl, max: 1 })
    const db = flatten(createKnex({ client: 'pg', connectionPool: pool }))
    await inTestTransaction(db, async () => {
      await db.transaction((trx) => insert(trx, 1))
      expect(await ids(db)).toEqual([1])
    })
    const left = inTestTransaction(db, () => db.transaction().then(() => undefined), { stuckAfterMs: 20 })
    await refusal(left)
    expect(await ids(db)).toEqual([])
    await pool.end()
  })

  it('keeps what is deferred apart from what it may not touch', async () => {
    await database.rows(`
      create schema secret; create table secret.a (id int unique deferrable initially deferred);
      create table b (id int, constraint twin unique (id) deferrable initially deferred);
      create table c (id int, constraint twin_of_none check (id > 0));
      alter table c add constraint twin_check check (id > 1);
      alter table b add constraint twin_check unique (id) deferrable initially deferred;
      create role knex_flatten_tester; grant all on items, b, c to knex_flatten_tester;
    `)
    const db = open()
    await inTestTransaction(db, async () => {
      await db.raw('set role knex_flatten_tester')
      for (const id of [1, 2]) await db.transaction((trx) => trx('b').insert({ id }))
      expect(await db('b').pluck('id')).toEqual([1, 2])
    })
    await database.rows(
      'drop owned by knex_flatten_tester; drop role knex_flatten_tester; drop schema secret cascade; drop table b, c',
    )
  })

  it('runs at one isolation level, and refuses a stronger one', async () => {
    const db = open()
    const levelIn = (level?: Knex.IsolationLevels) =>
      db.transaction(
        async (trx) => (await trx.raw('show transaction_isolation')).rows[0].transaction_isolation as string,
        level && { isolationLevel: level },
      )
    const inTest = (fn: () => Promise<unknown>, isolationLevel?: 'repeatable read' | 'serializable') =>
      inTestTransaction(db, fn, isolationLevel && { isolationLevel })
    await inTest(async () => {
      expect(await levelIn('read committed')).toBe('read committed')
      expect(await refusal(levelIn('serializable'))).toMatch(
        /serializable was asked for inside the test transaction \(opened at .*\), which runs at the server's default level.*\{ isolationLevel: 'serializable' \}/,
      )
    })
    await inTest(async () => {
      expect(await levelIn('repeatable read')).toBe('repeatable read')
      expect(await refusal(levelIn('serializable'))).toMatch(/runs at repeatable read/)
      await refusal(db.transaction(async () => 1, { isolationLevel: 'serializable', retry: true }))
    }, 'repeatable read')
    await inTest(async () => expect(await levelIn('serializable')).toBe('serializable'), 'serializable')
  })

  it.each(['commit', 'ROLLBACK', 'insert into items values (5); end', 'begin', "prepare transaction 'x'"])(
    'sends no %s of the application’s',
    async (sql) => {
      const db = open()
      await inTestTransaction(db, async () => {
        await insert(db, 1)
        expect(await refusal(db.raw(sql))).toMatch(/was not sent: it would end the test transaction/)
        await db.transaction(async (trx) => {
          await refusal(trx.raw(sql))
          await insert(trx, 2)
          await trx.raw('savepoint mine; insert into items values (3); rollback to savepoint mine')
        })
        await db.raw(`select 'commit; begin'`)
        expect(await ids(db)).toEqual([1, 2])
        const connection = await db.client.acquireConnection()
        await refusal(db.client.query(connection, 'COMMIT;'))
        await db.client.releaseConnection(connection)
      })
    },
  )

  it('tells that it was ended inside, past Knex', async () => {
    const db = open()
    for (const sql of ['rollback', 'rollback; begin']) {
      const ended = inTestTransaction(db, async () => {
        await insert(db, 1)
        const connection = await db.client.acquireConnection()
        await connection.query(sql)
        await db.client.releaseConnection(connection)
      })
      expect(await refusal(ended)).toMatch(/was ended inside, by a COMMIT or a ROLLBACK sent past Knex/)
    }
    expect(await ids(db)).toEqual([])
  })

  it('takes a connection that was taken by hand, and gives it to a transaction', async () => {
    const db = open()
    await inTestTransaction(db, async () => {
      const connection = await db.client.acquireConnection()
      await Promise.allSettled([1, 1, 2].map((id) => insert(db, id).connection(connection)))
      await db.transaction((trx) => insert(trx, 3), { connection } as Knex.TransactionConfig)
      await db.client.releaseConnection(connection)
      const trx = await db.transaction()
      // Knex itself does so with streams: by now the connection is another's.
      await db.client.releaseConnection(connection)
      const waiting = insert(db, 4).then(() => 'stored')
      await insert(trx, 5)
      await trx.rollback()
      expect(await waiting).toBe('stored')
      expect(await ids(db)).toEqual([1, 2, 3, 4])
    })
  })

  it('fails a test that leaves a transaction open, and lets nothing of it be stored', async () => {
    const db = open()
    let trx!: Knex.Transaction
    const left = inTestTransaction(
      db,
      async () => {
        trx = await db.transaction(undefined, { name: 'left' })
        await insert(trx, 1)
      },
      { stuckAfterMs: 50 },
    )
    expect(await refusal(left)).toMatch(
      /When the test transaction .* was to be rolled back, the transaction "left" \(opened at .*\) was still running: it was cut off/,
    )
    // Its locks are gone with it.
    await database.rows('insert into items values (1); delete from items')
    await rejection(insert(trx, 2))
    await rejection(trx.commit())
    expect(trx.isCompleted()).toBe(true)
    expect(await ids(db)).toEqual([])
  })

  it('fails a test that keeps a connection taken by hand, on which nothing runs any more', async () => {
    const db = open()
    let connection: unknown
    const left = inTestTransaction(
      db,
      async () => {
        connection = await db.client.acquireConnection()
      },
      { stuckAfterMs: 50 },
    )
    expect(await refusal(left)).toMatch(/a query was still running/)
    await refusal(insert(db, 1).connection(connection))
    const reading = async () => {
      for await (const row of db('items').connection(connection).stream()) throw row
    }
    await refusal(reading())
    await db.client.releaseConnection(connection)
    expect(await ids(db)).toEqual([])
  })

  it('lets nothing run on a connection that was given back, once it is over', async () => {
    const db = open()
    let connection: unknown
    await inTestTransaction(db, async () => {
      connection = await db.client.acquireConnection()
      await db.client.releaseConnection(connection)
    })
    expect(await refusal(insert(db, 1).connection(connection))).toMatch(
      /The test transaction \(opened at .*\) was rolled back before\. Await everything the test starts\./,
    )
  })

  it('fails a test that leaves a lazy transaction behind, which can begin nowhere', async () => {
    const db = open({ lazyBegin: true })
    let trx!: Knex.Transaction
    const left = inTestTransaction(db, async () => {
      trx = await db.transaction()
    })
    expect(await refusal(left)).toMatch(/the transaction \(opened at .*\) was still running/)
    expect(await rejection(insert(trx, 1))).toMatchObject({ name: 'RollbackOnlyError' })
    await rejection(trx.commit())
  })

  it('keeps the error of a test that leaves something open as well', async () => {
    const db = open()
    const boom = new Error('boom')
    const failed = inTestTransaction(
      db,
      async () => {
        await db.transaction()
        throw boom
      },
      { stuckAfterMs: 50 },
    )
    expect(await rejection(failed)).toBe(boom)
    expect(await ids(db)).toEqual([])
  })

  it('waits for what was not awaited, and is rolled back behind it', async () => {
    const db = open({ lazyBegin: true })
    let later: unknown
    await inTestTransaction(db, () => {
      later = Promise.all([db.transaction((trx) => insert(trx, 1), { retry: true }), insert(db, 2)])
    })
    await later
    expect(await ids(db)).toEqual([])
  })

  it('that has lost its connection refuses what comes, and the next test has another', async () => {
    const db = open()
    const lost = inTestTransaction(db, async () => {
      const pid = await pidOf(db)
      await insert(db, 1)
      const killed = db.transaction(async (trx) => {
        await database.rows(`select pg_terminate_backend(${pid})`)
        await insert(trx, 2)
      })
      expect(await rejection(killed)).not.toBeInstanceOf(TestTransactionError)
      await db.transaction(async () => 1)
    })
    expect(await refusal(lost)).toMatch(
      /The connection of the test transaction \(opened at .*\) was lost, and all it has written with it/,
    )
    await inTestTransaction(db, async () => {
      await insert(db, 3)
      expect(await ids(db)).toEqual([3])
      const pid = await pidOf(db)
      const connection = await db.client.acquireConnection()
      const asleep = rejection(connection.query('select pg_sleep(60)'))
      await db.client.releaseConnection(connection)
      // It has the connection, and waits for it to answer.
      const asking = refusal(ids(db))
      await database.rows(`select pg_terminate_backend(${pid})`)
      expect(await asking).toMatch(/was lost/)
      expect(await asleep).toMatchObject({ code: '57P01' })
    })
  })

  it('ends with its instance', async () => {
    const db = flatten(createKnex({ client: 'pg', connection: database.primaryUrl, pool: { min: 0 } }))
    const rollBack = await beginTestTransaction(db)
    await insert(db, 1)
    const trx = await db.transaction()
    await db.destroy()
    await rejection(rollBack())
    await rejection(insert(trx, 2))
  })

  it('leaves no rejection unhandled', async () => {
    const db = open()
    expect(
      await unhandledDuring(async () => {
        await inTestTransaction(db, async () => {
          await rejection(insert(db, 1, 1))
          await rejection(db.transaction((trx) => insert(trx, 1, 1)))
          await db.transaction((trx) =>
            refusal(trx.transaction(async () => 1, { propagation: 'requires-new' })),
          )
        })
        await rejection(
          inTestTransaction(db, () => void db.transaction().then(() => undefined), { stuckAfterMs: 20 }),
        )
      }),
    ).toEqual([])
  })

  describe('is refused', () => {
    const fn = async () => undefined
    const refused = async (promise: PromiseLike<unknown>) => {
      const error = await rejection(promise)
      expect(error).toBeInstanceOf(TransactionOptionsError)
      return (error as Error).message
    }

    it('on what is no flattened instance', async () => {
      const plain = database.connect().db
      const db = open()
      for (const wrong of [plain, {}, undefined]) {
        expect(await refused(inTestTransaction(wrong as Knex, fn))).toBe(
          'inTestTransaction(db, fn, options): db must be what flatten(knex) returned.',
        )
      }
      await db.transaction(async (trx) => {
        expect(await refused(beginTestTransaction(trx))).toMatch(/db must be what flatten\(knex\) returned/)
      })
      expect(await refused(inTestTransaction(open({ nested: 'observe' }), fn))).toMatch(/db is only observed/)
    })

    it('on a reader, whose connection it gives back', async () => {
      for (const url of [database.readerUrl, database.standbyUrl]) {
        const { db } = connectFlat(database, { url, config: { pool: { max: 1 } } })
        expect(await refused(inTestTransaction(db, fn))).toMatch(
          /The test transaction \(opened at .*\) was not begun: its server is in recovery/,
        )
        expect((await db.raw('select 1 as one')).rows).toEqual([{ one: 1 }])
      }
    })

    it('inside another, and at the same time', async () => {
      const db = open()
      await inTestTransaction(db, async () => {
        expect(await refused(inTestTransaction(db.withUserParams({}), fn))).toMatch(
          /db is inside the test transaction \(opened at .*limits\.test\.ts:\d+:\d+\) already/,
        )
      })
      const [one, other] = [inTestTransaction(db, fn), inTestTransaction(db, fn)]
      await refused(other)
      await one
    })

    it('inside a transaction that db would find, and run in', async () => {
      const db = open({ ambient: true })
      await db.transaction(
        async () => {
          expect(await refused(inTestTransaction(db, fn))).toMatch(
            /db is used inside the transaction "outer" \(opened at .*\), and would run in that\. Begin the test transaction outside of it\./,
          )
        },
        { name: 'outer' },
      )
    })

    it('with wrong arguments', async () => {
      const db = open()
      const wrong = (options: unknown) =>
        refused(inTestTransaction(db, fn, options as TestTransactionOptions))
      expect(await refused(inTestTransaction(db, 'test' as never))).toMatch(
        /fn must be a function, not "test"/,
      )
      expect(await wrong(7)).toMatch(/options must be an object, not 7/)
      expect(await wrong({ level: 1 })).toMatch(
        /no option "level". Known options: isolationLevel, stuckAfterMs/,
      )
      expect(await wrong({ isolationLevel: 'snapshot' })).toMatch(/isolationLevel must be "read committed", /)
      expect(await wrong({ stuckAfterMs: 0 })).toMatch(
        /stuckAfterMs must be a positive number of milliseconds, not 0/,
      )
    })

    it('where the server cannot be reached, and can be tried again', async () => {
      const db = flatten(
        createKnex({
          client: 'pg',
          connection: 'postgres://localhost:1/none',
          log: { warn: () => undefined },
        }),
      )
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(await rejection(inTestTransaction(db, fn))).toMatchObject({ code: 'ECONNREFUSED' })
      }
      await db.destroy()
    })
  })
})
