import type { Knex } from 'knex'
import {
  afterCommit,
  beforeCommit,
  type FlattenOptions,
  ForeignConnectionError,
  isRollbackOnly,
  PoolStarvationError,
} from 'knex-flatten'
import { beforeEach, describe, expect, it } from 'vitest'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, pidOf, rejection, useItems } from './items.ts'

describe.each(knexVersions)('ambient transactions on Knex %s', (_version, knex) => {
  const database = useItems()
  beforeEach(() => database.rows('delete from items'))
  const warnings: string[] = []
  const open = (ambient: NonNullable<FlattenOptions['ambient']> = true): Knex =>
    connectFlat(
      database,
      { knex, config: { log: { warn: (text: unknown) => warnings.push(String(text)) } } },
      { ambient },
    ).db
  const insert = (on: Knex, id: number) => on('items').insert({ id })
  const boom = new Error('boom')

  it('joins the running transaction where one is opened on the instance', async () => {
    const db = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        const outer = await pidOf(trx)
        await db.transaction(async (inner) => {
          expect(await pidOf(inner)).toBe(outer)
          await insert(inner, 1)
        })
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(await idsIn(database)).toEqual([])
  })

  it('is off unless asked for', async () => {
    const { db } = connectFlat(database, { knex })
    await db.transaction(async (trx) => {
      expect(await pidOf(db)).not.toBe(await pidOf(trx))
      await trx.transaction(async () => {
        await db.transaction(async (other) => expect(await pidOf(other)).not.toBe(await pidOf(trx)))
      })
    })
  })

  it('runs queries, raw ones and schema changes of the instance in the running scope', async () => {
    const db = open()
    const error = await rejection(
      db.transaction(async (trx) => {
        expect(await pidOf(db)).toBe(await pidOf(trx))
        await trx.transaction(async () => {
          await insert(db, 1)
          await db.schema.createTable('made', (table) => table.integer('id'))
        })
        expect(await db('items').pluck('id')).toEqual([1])
        throw boom
      }),
    )
    expect(error).toBe(boom)
    expect(await idsIn(database)).toEqual([])
    expect(await db.schema.hasTable('made')).toBe(false)
  })

  it('finds no transaction of another instance', async () => {
    const one = open()
    const other = open()
    await one.transaction(async (trx) => {
      expect(await pidOf(other)).not.toBe(await pidOf(trx))
      await other.transaction(async (own) => {
        expect(await pidOf(own)).not.toBe(await pidOf(trx))
        expect(await pidOf(one)).toBe(await pidOf(trx))
      })
    })
  })

  it.each(['not-supported', 'requires-new'] as const)(
    'suspends the running transaction for %s, and comes back to it, also after a throw',
    async (propagation) => {
      const db = open()
      await db.transaction(async (trx) => {
        const outer = await pidOf(trx)
        const error = await rejection(
          db.transaction(
            async () => {
              expect(await pidOf(db)).not.toBe(outer)
              throw boom
            },
            { propagation },
          ),
        )
        expect(error).toBe(boom)
        expect(await pidOf(db)).toBe(outer)
        expect(isRollbackOnly(db)).toBe(false)
      })
    },
  )

  it('lets what a callback leaves behind run on its own once the transaction is over', async () => {
    const db = open()
    let late!: () => Promise<unknown>
    await db.transaction(async (trx) => {
      let go!: () => void
      const gate = new Promise<void>((resolve) => (go = resolve))
      const leftBehind = gate.then(() => insert(db, 1))
      late = () => {
        go()
        return leftBehind
      }
      await insert(trx, 2)
    })
    await late()
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('runs hooks outside of the transaction that is over', async () => {
    const db = open()
    await db.transaction(async () => {
      afterCommit(db, () => insert(db, 2))
      await insert(db, 1)
    })
    expect(await idsIn(database)).toEqual([1, 2])
  })

  it('runs hooks before COMMIT inside of it', async () => {
    const db = open()
    const error = await rejection(
      db.transaction(async () => {
        beforeCommit(db, async () => {
          await insert(db, 1)
          throw boom
        })
      }),
    )
    expect(error).toBe(boom)
    expect(await idsIn(database)).toEqual([])
  })

  it('leaves a query alone that was given a connection', async () => {
    const db = open()
    await db.transaction(async () => {
      const connection = await db.client.acquireConnection()
      const { rows } = await db.raw('select pg_backend_pid() as pid').connection(connection)
      expect(rows).toEqual([{ pid: connection.processID }])
      await db.client.releaseConnection(connection)
    })
  })

  it("finds the one of another instance's where its own is suspended", async () => {
    const one = open()
    const other = open()
    await one.transaction(async (trx) => {
      const outer = await pidOf(trx)
      await other.transaction(async () => expect(await pidOf(one)).toBe(outer), {
        propagation: 'not-supported',
      })
    })
  })

  it('refuses a query with foreignConnection throw although it cannot be compiled', async () => {
    const db = open({ foreignConnection: 'throw' })
    await db.transaction(async () => {
      const error = await rejection(db.raw('select ?', []))
      expect(error).toBeInstanceOf(ForeignConnectionError)
      expect(error.message).toMatch(/^A query on the Knex instance was made inside/)
    })
  })

  it('refuses at once a requires-new that only the transactions around could give a connection', async () => {
    const { db } = connectFlat(database, { knex, config: { pool: { max: 2 } } }, { ambient: true })
    const suspended = { propagation: 'requires-new' } as const
    const error = await rejection(
      db.transaction(() =>
        db.transaction(() => db.transaction(async () => expect.unreachable(), suspended), suspended),
      ),
    )
    expect(error).toBeInstanceOf(PoolStarvationError)
  })

  it('counts no transaction among those around that is being committed', async () => {
    const { db } = connectFlat(database, { knex, config: { pool: { max: 1 } } }, { ambient: true })
    let next!: Promise<unknown>
    await db.transaction(async (trx) => {
      void trx.commit()
      next = Promise.resolve(db.transaction((own) => insert(own, 1), { propagation: 'requires-new' }))
    })
    await next
    expect(await idsIn(database)).toEqual([1])
  })

  it('refuses a query on the instance inside a transaction with foreignConnection throw', async () => {
    const db = open({ foreignConnection: 'throw' })
    await db.transaction(
      async (trx) => {
        const error = await rejection(db('items').select('note'))
        expect(error).toBeInstanceOf(ForeignConnectionError)
        expect(error.message).toMatch(
          /^The statement\n {4}select "note" from "items"\n on the Knex instance was made inside the transaction "pay"/,
        )
        const streamed = await rejection(
          new Promise((resolve, reject) =>
            db('items').select().stream().on('error', reject).on('end', resolve),
          ),
        )
        expect(streamed).toBeInstanceOf(ForeignConnectionError)
        await insert(trx, 1)
      },
      { name: 'pay' },
    )
    expect(await idsIn(database)).toEqual([1])
    expect(await db('items').pluck('id')).toEqual([1])
  })

  it('says so in the log with foreignConnection warn, and lets the query run on its own', async () => {
    const db = open({ foreignConnection: 'warn' })
    warnings.length = 0
    await db.transaction(async (trx) => expect(await pidOf(db)).not.toBe(await pidOf(trx)))
    expect(warnings).toEqual([expect.stringContaining('select pg_backend_pid()')])
  })
})
