import createKnex, { type Knex } from 'knex'
import { flatten, PoolStarvationError, ReadOnlyUpgradeError, TransactionOptionsError } from 'knex-flatten'
import { onWriter, route, type RouteOptions } from 'knex-flatten/routing'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { wayTo } from '../../../../test/setup/way.ts'
import { idsIn, rejection, useItems } from '../items.ts'
import { placeOf, pool, WHERE } from './routes.ts'

const database = useItems()
const single = (server: Parameters<typeof pool>[1]) => pool(database, server, { pool: { max: 1 } })
const ownTransaction = { propagation: 'requires-new' } as const

describe('a pool too small for the propagation asked for', () => {
  it.each(['forward', 'writer', 'auto'] as const)(
    'is named, whichever of the two it is (writes: %s)',
    async (writes) => {
      const db = route({
        reader: single(writes === 'writer' ? 'standby' : 'reader'),
        writer: single('primary'),
        writes,
      })
      for (const [outer, inner] of [
        [{ readOnly: true }, { target: 'writer' }],
        [{ target: 'writer' }, { readOnly: true }],
      ] as const) {
        const error = await rejection(
          db.transaction(async (one) => {
            await one.raw('select 1')
            await one.transaction(
              (two) =>
                two.transaction((three) => three.raw('select 1'), {
                  ...ownTransaction,
                  ...outer,
                  name: 'third',
                }),
              { ...ownTransaction, ...inner },
            )
          }, outer),
        )
        expect(error).toBeInstanceOf(PoolStarvationError)
        expect(error.message).toMatch(/"third" .*the pool has 1/)
      }
      expect(await placeOf(db)).toBe('reader')
      expect(await placeOf(onWriter(db.raw(WHERE)))).toBe('writer')
    },
  )

  it('is found out where there is but the writer', async () => {
    const wide = route({ writer: pool(database, 'primary', { pool: { max: 2 } }) })
    const nest = (db: Knex) =>
      db.transaction(async (trx) => {
        await trx.raw('select 1')
        return trx.transaction((own) => placeOf(own), ownTransaction)
      })
    expect(await nest(wide)).toBe('writer')
    expect(await rejection(nest(route({ writer: single('primary') })))).toBeInstanceOf(PoolStarvationError)
  })

  it('is found out where a reader leaves to the writer what it does not forward', async () => {
    const reader = pool(database, 'reader', {
      connection: {
        connectionString: database.readerUrl,
        options: '-c apg_write_forward.consistency_mode=off',
      },
    })
    const db = route({ reader, writer: single('primary') })
    const error = await rejection(
      db.transaction(async (trx) => {
        await trx('items').insert({ id: 100 })
        await trx.transaction((own) => own('items').insert({ id: 101 }), ownTransaction)
      }),
    )
    expect(error).toBeInstanceOf(PoolStarvationError)
    await db('items').insert({ id: 102 })
    expect(await idsIn(database)).toEqual([102])
  })
})

describe('contradictions about who writes', () => {
  const db = () => route({ reader: pool(database, 'reader'), writer: pool(database, 'primary') })

  it.each([
    ['{ readOnly: false } inside', { readOnly: true }, { readOnly: false }, ReadOnlyUpgradeError],
    ['the writer inside', { readOnly: true }, { target: 'writer' }, TransactionOptionsError],
    ['a reader inside the writer', { target: 'writer' }, { target: 'reader' }, TransactionOptionsError],
    [
      '{ readOnly: false } inside one that reads on the writer',
      { readOnly: true, target: 'writer' },
      { readOnly: false },
      ReadOnlyUpgradeError,
    ],
  ] as const)('%s is refused', async (_what, outer, inner, Refusal) => {
    const error = await rejection(
      db().transaction((trx) => trx.transaction(async () => expect.unreachable(), inner), outer),
    )
    expect(error).toBeInstanceOf(Refusal)
  })

  it('are none where it is a transaction of its own', async () => {
    const routed = db()
    await routed.transaction(
      async (trx) => {
        await trx.transaction((own) => own('items').insert({ id: 110 }), {
          ...ownTransaction,
          readOnly: false,
        })
      },
      { readOnly: true },
    )
    expect(await idsIn(database)).toContain(110)
  })

  it('a write in what only reads is refused by the server, on a reader that would forward it as well', async () => {
    for (const options of [{ readOnly: true }, { readOnly: true, target: 'writer' as const }]) {
      const error = await rejection(db().transaction((trx) => trx('items').insert({ id: 111 }), options))
      expect(error.code ?? error.cause?.code).toMatch(/25006|FLATTEN_READ_ONLY_UPGRADE/)
    }
    expect(await idsIn(database)).not.toContain(111)
  })

  it('SERIALIZABLE is read on the writer: a standby has none', async () => {
    const where = await db().transaction((trx) => placeOf(trx), {
      readOnly: true,
      isolationLevel: 'serializable',
    })
    expect(where).toBe('writer')
  })

  it('who asks for a reader where there is but the writer may ask again inside', async () => {
    const alone = route({ writer: pool(database, 'primary') })
    await alone.transaction(
      async (trx) => {
        expect(await placeOf(trx)).toBe('writer')
        await trx.transaction((inner) => inner.raw('select 1'), { target: 'reader' })
        await trx.transaction((inner) => inner.raw('select 1'), { target: 'writer' })
      },
      { target: 'reader' },
    )
  })
})

describe('route() refuses', () => {
  const primary = () => pool(database, 'primary')
  it.each<[string, () => RouteOptions | Promise<RouteOptions>, RegExp]>([
    [
      'an option misspelt',
      () => ({ writer: primary(), coolDown: 1 }) as RouteOptions,
      /no option "coolDown"/,
    ],
    ['reader and readers', () => ({ reader: primary(), readers: [primary()] }), /are the same/],
    [
      'a coolDownMs that is none',
      () => ({ writer: primary(), coolDownMs: -1 }),
      /coolDownMs must be a positive/,
    ],
    [
      'a checkServers that is none',
      () => ({ writer: primary(), checkServers: 1 }) as never,
      /checkServers must be/,
    ],
    ['to observe', () => ({ writer: primary(), nested: 'observe' }), /Observe each instance by flatten\(\)/],
    ['a flattened instance', () => ({ writer: flatten(primary()) }), /wrapped already/],
    ['one behind another route()', () => twice(), /behind another route\(\) already/],
    ['one without a connection', () => ({ writer: createKnex({ client: 'pg' }) }), /has no pool/],
    ['one that was destroyed', () => destroyed(), /has no pool: it was destroyed/],
    ['a transaction', () => transaction(), /this is a transaction/],
    ['SQLite', () => ({ readers: [speaking('sqlite3')] }), /Only PostgreSQL/],
    ['a URL', () => ({ writer: database.primaryUrl }) as never, /not a Knex instance/],
    ['nothing at all', () => undefined as never, /must be an object, not undefined/],
  ])('%s', async (_what, options, message) => {
    const given = await options()
    expect(() => route(given)).toThrow(TransactionOptionsError)
    expect(() => route(given)).toThrow(message)
  })

  const speaking = (client: string) => createKnex({ client, useNullAsDefault: true })
  function twice() {
    const writer = primary()
    route({ reader: primary(), writer })
    return { reader: primary(), writer }
  }
  async function destroyed() {
    const writer = primary()
    await writer.destroy()
    return { writer }
  }
  async function transaction() {
    const trx = await primary().transaction()
    await trx.rollback()
    return { writer: trx }
  }
})

describe('route() takes', () => {
  it('an empty list of readers beside a writer', async () => {
    expect(await placeOf(route({ readers: [], writer: pool(database, 'primary') }))).toBe('writer')
  })
})

describe('a clone with its own user params', () => {
  it('migrates and seeds on the writer too, and its clones do', async () => {
    const db = route({ reader: pool(database, 'reader'), writer: pool(database, 'primary') })
    const seen: unknown[] = []
    for (const clone of [db.withUserParams({ of: 1 }), db.withUserParams({}).withUserParams({ of: 1 })]) {
      expect(clone.userParams).toEqual({ of: 1 })
      const migrationSource = {
        getMigrations: () => Promise.resolve(['one']),
        getMigrationName: (name: string) => name,
        getMigration: () =>
          Promise.resolve({
            up: async (trx: Knex) => void seen.push(await placeOf(trx)),
            down: () => Promise.resolve(),
          }),
      }
      await clone.migrate.latest({ tableName: 'of_clones', migrationSource })
      await clone.migrate.rollback({ tableName: 'of_clones', migrationSource })
      const seedSource = {
        getSeeds: () => Promise.resolve(['one']),
        getSeed: () => ({ seed: async (knex: Knex) => seen.push(await placeOf(knex)) }),
      }
      await clone.seed.run({ seedSource } as never)
      expect(await placeOf(clone)).toBe('reader')
    }
    expect(seen).toEqual(['writer', 'writer', 'writer', 'writer'])
  })
})

describe('a reader that answers nobody', () => {
  it('is left alone like one that cannot be reached', async () => {
    const way = await wayTo(database.readerUrl)
    const reader = pool(database, 'reader', { connection: way.url, acquireConnectionTimeout: 1_000 })
    const db = route({ reader, writer: pool(database, 'primary') })
    expect(await placeOf(db)).toBe('reader')
    await way.freeze()
    await expect.poll(() => placeOf(db).catch(String)).toBe('writer')
    const opened = way.opened()
    expect(await placeOf(db)).toBe('writer')
    expect(way.opened()).toBe(opened)
    await way.cut()
  })
})

describe("a pool of the driver's own behind route()", () => {
  const handed: pg.Pool[] = []
  afterEach(() => Promise.all(handed.splice(0).map((each) => each.end())))
  const own = (url: string) => {
    const connectionPool = new pg.Pool({ connectionString: url, max: 1 })
    handed.push(connectionPool)
    return {
      connectionPool,
      db: createKnex({ client: 'pg', connectionPool, log: { warn: () => undefined } }),
    }
  }

  it.each(['reader', 'writer', 'both'])('serves as %s', async (which) => {
    const reader = which === 'writer' ? pool(database, 'reader') : own(database.readerUrl).db
    const writer = which === 'reader' ? pool(database, 'primary') : own(database.primaryUrl).db
    const db = route({ reader, writer })
    const id = { reader: 120, writer: 130, both: 140 }[which]!
    await db('items').insert({ id })
    await db.transaction((trx) => trx('items').insert({ id: id + 1 }), { target: 'writer' })
    expect(await placeOf(db)).toBe('reader')
    expect(await placeOf(onWriter(db.raw(WHERE)))).toBe('writer')
    const starved = db.transaction(
      (trx) => trx.transaction((inner) => inner.raw('select 1'), { ...ownTransaction, target: 'writer' }),
      { target: 'writer' },
    )
    if (which === 'reader') await starved
    else expect(await rejection(starved)).toBeInstanceOf(PoolStarvationError)
    for (const { totalCount, idleCount } of handed) expect(idleCount).toBe(totalCount)
    expect(await idsIn(database)).toEqual(expect.arrayContaining([id, id + 1]))
  })

  it('loses a connection of the writer without an end of the process, and lends it to nobody again', async () => {
    const { db: writer, connectionPool } = own(database.primaryUrl)
    const db = route({ reader: pool(database, 'reader'), writer })
    const ended = new Promise((resolve) =>
      connectionPool.once('acquire', (client) => client.once('end', resolve)),
    )
    const error = await rejection(
      db.transaction(
        async (trx) => {
          const [{ pid }] = (await trx.raw('select pg_backend_pid() as pid')).rows
          await database.rows(`select pg_terminate_backend(${pid})`)
          await ended
          await trx('items').insert({ id: 150 })
        },
        { target: 'writer' },
      ),
    )
    expect(error.message).toMatch(/Connection|connection|not queryable/)
    await onWriter(db('items').insert({ id: 151 }))
    expect(await idsIn(database)).not.toContain(150)
  })
})

describe('a server that says it takes no writes', () => {
  it('is asked at once what it is, before its connection is used next', async () => {
    const { db: writer, received } = database.connect({ config: { pool: { max: 1 } } })
    const db = route({ reader: pool(database, 'reader'), writer })
    const questions = async () =>
      (await received()).filter((sql) => sql.startsWith('SELECT pg_is_in_recovery() AS reader, CASE')).length
    await onWriter(db.raw('select 1'))
    expect(await questions()).toBe(1)
    await onWriter(db.raw('select 1'))
    expect(await questions()).toBe(0)
    await onWriter(db.raw('set default_transaction_read_only = on'))
    expect(await rejection(onWriter(db('items').insert({ id: 160 })))).toMatchObject({ code: '25006' })
    await onWriter(db.raw('set default_transaction_read_only = off'))
    expect(await questions()).toBe(1)
    await onWriter(db('items').insert({ id: 161 }))
    expect(await questions()).toBe(0)
  })
})
