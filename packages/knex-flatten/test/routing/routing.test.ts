import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import createKnex from 'knex'
import {
  flatten,
  NoWriterError,
  ReadOnlyUpgradeError,
  TransactionOptionsError,
  UnsupportedStatementError,
} from 'knex-flatten'
import { onReader, onWriter, preventWrites, route, withWriter } from 'knex-flatten/routing'
import { inTestTransaction } from 'knex-flatten/testing'
import { describe, expect, it } from 'vitest'
import { idsIn, rejection, useItems } from '../items.ts'
import { told } from '../events/told.ts'
import { placeOf, pool, WHERE } from './routes.ts'

const database = useItems()

const routed = (writes: 'forward' | 'writer' | 'auto', options = {}) =>
  route({
    reader: pool(database, writes === 'writer' ? 'standby' : 'reader'),
    writer: pool(database, 'primary'),
    writes,
    ...options,
  })

describe.each(['forward', 'writer', 'auto'] as const)('a routed instance with writes: %s', (writes) => {
  const id = { forward: 10, writer: 20, auto: 30 }[writes]

  it('reads on the reader', async () => {
    expect(await placeOf(routed(writes))).toBe('reader')
  })

  it('writes, wherever it does', async () => {
    const db = routed(writes)
    await db('items').insert({ id })
    await db('items').where({ id }).update({ note: 'changed' })
    expect(await database.rows(`select note from items where id = ${id}`)).toEqual([{ note: 'changed' }])
  })

  it('runs a transaction in one place', async () => {
    const db = routed(writes)
    await db.transaction(async (trx) => {
      expect(await placeOf(trx)).toBe(writes === 'writer' ? 'writer' : 'reader')
      await trx.transaction(async (inner) => inner('items').insert({ id: id + 1 }))
    })
    expect(await idsIn(database)).toContain(id + 1)
  })

  it('runs a read-only transaction on the reader, as READ ONLY', async () => {
    const db = routed(writes)
    await db.transaction(
      async (trx) => {
        expect(await placeOf(trx)).toBe('reader')
        const { rows } = await trx.raw('show transaction_read_only')
        expect(rows).toEqual([{ transaction_read_only: 'on' }])
      },
      { readOnly: true },
    )
  })

  it('runs a transaction on the writer that asks for it, and what is inside as well', async () => {
    const db = routed(writes)
    await db.transaction(
      async (trx) => {
        expect(await placeOf(trx)).toBe('writer')
        await trx.transaction(async (inner) => expect(await placeOf(inner)).toBe('writer'))
      },
      { target: 'writer' },
    )
  })

  it('refuses another pool inside a transaction', async () => {
    const db = routed(writes)
    const error = await rejection(
      db.transaction(async (trx) => trx.transaction(async () => undefined, { target: 'writer' }), {
        readOnly: true,
      }),
    )
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toContain('runs on the reader')
  })

  it("lets requires-new choose afresh, and the outer's place return", async () => {
    const db = routed(writes)
    await db.transaction(
      async (trx) => {
        await trx.transaction(async (own) => expect(await placeOf(own)).toBe('writer'), {
          propagation: 'requires-new',
          target: 'writer',
        })
        expect(await placeOf(trx)).toBe('reader')
      },
      { readOnly: true },
    )
  })

  it('has a connection for requires-new in the other pool, though the outer one holds all of its own', async () => {
    const reader = pool(database, writes === 'writer' ? 'standby' : 'reader', { pool: { max: 1 } })
    const db = route({ reader, writer: pool(database, 'primary', { pool: { max: 1 } }), writes })
    await db.transaction(
      (trx) =>
        trx.transaction(async (own) => expect(await placeOf(own)).toBe('writer'), {
          propagation: 'requires-new',
          target: 'writer',
        }),
      { readOnly: true },
    )
  })

  it('lets those who listen for the start of a query change it', async () => {
    const db = routed(writes)
    await db('items').insert([{ id: id + 2 }, { id: id + 3 }])
    const query = onWriter(db('items').select('id'))
    db.once('start', (builder: typeof query) => void builder.where({ id: id + 3 }))
    expect(await query).toEqual([{ id: id + 3 }])
    db.once('start', (builder: typeof query) => void builder.where({ id: -1 }))
    expect(await db('items').select('id')).toEqual([])
  })

  it('follows hints and blocks', async () => {
    const db = routed(writes)
    expect(await placeOf(onWriter(db.raw(WHERE)))).toBe('writer')
    expect(await withWriter(() => placeOf(db))).toBe('writer')
    await withWriter(() => db.transaction(async (trx) => expect(await placeOf(trx)).toBe('writer')))
    expect(await placeOf(onReader(db.raw('select pg_is_in_recovery() as reader, 1')))).toBe('reader')
    expect(await placeOf(db)).toBe('reader')
  })

  it('streams from the pool that a query belongs to', async () => {
    const db = routed(writes)
    const rows: unknown[] = []
    for await (const row of db.raw(WHERE).stream()) rows.push(row)
    for await (const row of onWriter(db.raw(WHERE)).stream()) rows.push(row)
    expect(rows).toEqual([{ reader: true }, { reader: false }])
  })

  it('builds its schema on the writer', async () => {
    const db = routed(writes)
    const table = `made_${writes}`
    await db.schema.createTable(table, (columns) => void columns.integer('id'))
    expect(await db.schema.hasTable(table)).toBe(true)
    await db.schema.dropTable(table)
  })

  it('migrates on the writer', async () => {
    const db = routed(writes)
    const tableName = `migrations_${writes}`
    const migrationSource = {
      getMigrations: () => Promise.resolve(['one']),
      getMigrationName: (name: string) => name,
      getMigration: () =>
        Promise.resolve({
          up: (knex: typeof db) =>
            knex.schema.createTable(`by_${tableName}`, (table) => void table.integer('id')),
          down: (knex: typeof db) => knex.schema.dropTable(`by_${tableName}`),
        }),
    }
    await db.migrate.latest({ tableName, migrationSource })
    expect(await db.migrate.currentVersion({ tableName, migrationSource })).toBe('one')
    await db.migrate.rollback({ tableName, migrationSource })
    await db.migrate.latest({ tableName, migrationSource })
  })

  it('emits its events, wherever something runs', async () => {
    const db = routed(writes)
    const seen: string[] = []
    db.on('query', ({ sql }: { sql: string }) => seen.push(sql))
    await onWriter(db.raw('select 1'))
    await db.raw('select 2')
    expect(seen).toEqual(['select 1', 'select 2'])
  })

  it('leaves no mark of a transaction on its connection', async () => {
    const db = route({
      reader: pool(database, 'reader', { pool: { max: 1 } }),
      writer: pool(database, 'primary'),
      writes,
    })
    const marks: unknown[] = []
    await db.transaction(async (trx) => trx.raw('select 1'), { readOnly: true })
    db.on('query', ({ __knexTxId }: { __knexTxId?: unknown }) => marks.push(__knexTxId))
    await db.raw('select 1')
    expect(marks).toEqual([undefined])
  })

  it('cancels a query where it runs', async () => {
    const slow = `select pg_sleep(60) as ${writes}`
    const query = onWriter(routed(writes).raw(slow)).timeout(200, { cancel: true })
    expect(await rejection(query)).toMatchObject({ name: 'KnexTimeoutError' })
    const running = `select from pg_stat_activity where state = 'active' and query = '${slow}'`
    // Who asks a server to cancel is not told when it has.
    await expect.poll(() => database.rows(running)).toEqual([])
  })

  it('gives every connection back, and closes every pool', async () => {
    const reader = pool(database, 'reader', { pool: { max: 1 } })
    const writer = pool(database, 'primary', { pool: { max: 1 } })
    const db = route({ reader, writer, writes })
    for (let round = 0; round < 3; round++) {
      await onWriter(db.raw(WHERE))
      await db.raw(WHERE)
      await db.transaction(async (trx) => trx.raw(WHERE))
      await db.transaction(async (trx) => trx.raw(WHERE), { target: 'writer' })
    }
    expect(writer.client.pool.numUsed()).toBe(0)
    expect(reader.client.pool.numUsed()).toBe(0)
    await db.destroy()
    expect(reader.client.pool).toBeUndefined()
    expect(writer.client.pool).toBeUndefined()
  })
})

describe('where only the writer can do it', () => {
  it.each(['writer', 'auto'] as const)('a statement goes to it (writes: %s)', async (writes) => {
    const db = routed(writes)
    await expect(db.raw('truncate orders')).resolves.toBeDefined()
    const { rows } = await db.raw('select pg_advisory_xact_lock(1), pg_is_in_recovery() as reader')
    expect(rows).toMatchObject([{ reader: false }])
  })

  it('a transaction goes to it: SERIALIZABLE', async () => {
    await routed('auto').transaction(async (trx) => expect(await placeOf(trx)).toBe('writer'), {
      isolationLevel: 'serializable',
    })
  })

  it("with writes: 'forward' it is refused", async () => {
    expect(await rejection(routed('forward').raw('truncate orders'))).toBeInstanceOf(
      UnsupportedStatementError,
    )
  })

  it.each(['forward', 'writer', 'auto'] as const)(
    "with onUnsupported: 'writer' a statement goes to it, and all else stays (writes: %s)",
    async (writes) => {
      const db = routed(writes, { onUnsupported: 'writer' })
      const routes = told('knex-flatten:route')
      await expect(db.raw('truncate orders')).resolves.toBeDefined()
      expect(await rejection(db.schema.raw('lock table orders'))).toMatchObject({ code: '25P01' })
      await expect(db('orders').truncate()).resolves.toBeDefined()
      expect(await db.raw('analyze items; select 1')).toHaveLength(2)
      expect(await placeOf(db)).toBe('reader')
      const rows = db.raw("select set_config('lock_timeout', '1s', false), pg_notify('news', '')").stream()
      expect(await rows.toArray()).toHaveLength(1)
      expect(routes.map(({ route: { target, reason } }) => `${target}, ${reason}`)).toEqual([
        'writer, unsupported',
        'writer, schema',
        'writer, unsupported',
        'writer, unsupported',
        'reader, reads',
        'writer, unsupported',
      ])
    },
  )

  it('a stream goes to it, where the profile says that a reader refuses those', async () => {
    const verdicts = { 'portal-fetch': { verdict: 'refuse', known: 'measured' } } as const
    const profile = { name: 'ours', extends: 'aws-local', verdicts } as const
    for (const options of [{ writes: 'forward', onUnsupported: 'writer' }, { writes: 'auto' }] as const) {
      const db = routed(options.writes, { ...options, profile })
      expect(await db.raw(WHERE).stream().toArray()).toEqual([{ reader: false }])
      expect(await placeOf(db)).toBe('reader')
    }
  })

  it("with onUnsupported: 'writer' a transaction on a reader refuses it, and says what to do", async () => {
    const db = routed('forward', { onUnsupported: 'writer' })
    for (const config of [{}, { readOnly: true }]) {
      const error = await rejection(db.transaction((trx) => trx.raw('truncate orders'), config))
      expect(error).toBeInstanceOf(UnsupportedStatementError)
      expect(error.message).toContain("Open this one on the writer: { target: 'writer' }.")
    }
    await db.transaction((trx) => trx.raw('truncate orders'), { target: 'writer' })
    const hinted = await rejection(onReader(db.raw('truncate orders')))
    expect(hinted.message).toContain('onWriter(builder)')
  })

  it.each([{}, { readOnly: true }])(
    "with onUnsupported: 'writer' a transaction goes to it that is to be SERIALIZABLE: %j",
    async (config) => {
      await routed('forward', { onUnsupported: 'writer' }).transaction(
        async (trx) => expect(await placeOf(trx)).toBe('writer'),
        { isolationLevel: 'serializable', ...config },
      )
    },
  )

  it('with a nested: escalate every transaction goes to it, for its savepoints', async () => {
    const db = routed('auto', { nested: 'escalate' })
    await db.transaction(async (trx) => {
      await trx.transaction(async (inner) => inner.raw('select 1/0')).catch(() => 'undone alone')
      expect(await placeOf(trx)).toBe('writer')
    })
  })
})

describe('with one pool', () => {
  it('an instance that is only flattened has no target to choose', async () => {
    const db = flatten(pool(database, 'primary'))
    const error = await rejection(db.transaction(async (trx) => trx.raw('select 1'), { target: 'writer' }))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toContain('route({ reader, writer })')
  })

  it('the writer alone does everything', async () => {
    const db = route({ writer: pool(database, 'primary') })
    expect(await placeOf(db)).toBe('writer')
    await db('items').insert({ id: 50 })
    await db.transaction(async (trx) => expect(await placeOf(trx)).toBe('writer'), { readOnly: true })
  })

  it('a reader alone forwards, and refuses what needs the writer', async () => {
    const db = route({ reader: pool(database, 'reader') })
    await db('items').insert({ id: 51 })
    for (const needs of [
      () => onWriter(db.raw('select 1')),
      () => db.schema.dropTable('items'),
      () => withWriter(() => db('items').select()),
      () => db.transaction(async (trx) => trx.raw('select 1'), { target: 'writer' }),
      () => db.migrate.list(),
    ]) {
      const error = await rejection(needs())
      expect(error).toBeInstanceOf(NoWriterError)
      expect(error.message).toContain('route({ reader, writer })')
    }
  })
})

describe('a reader that does not forward', () => {
  const readerAlone = () =>
    pool(database, 'reader', {
      connection: {
        connectionString: database.readerUrl,
        options: '-c apg_write_forward.consistency_mode=off',
      },
      pool: { max: 1 },
      acquireConnectionTimeout: 2_000,
    })

  it("leaves writes to the writer with writes: 'auto', and keeps what reads", async () => {
    const db = route({ reader: readerAlone(), writer: pool(database, 'primary') })
    await db('items').insert({ id: 80 })
    expect(await placeOf(db)).toBe('reader')
    await db.transaction(async (trx) => expect(await placeOf(trx)).toBe('writer'))
    await db.transaction(async (trx) => expect(await placeOf(trx)).toBe('reader'), { readOnly: true })
  })

  it('is not left alone because the writer cannot be reached', async () => {
    const writer = createKnex({
      client: 'pg',
      connection: 'postgres://127.0.0.1:1/none',
      pool: { min: 0 },
      log: { warn: () => undefined },
    })
    const db = route({ reader: readerAlone(), writer })
    expect(await rejection(db('items').insert({ id: 82 }))).toMatchObject({ code: 'ECONNREFUSED' })
    expect(await placeOf(db)).toBe('reader')
  })

  it.each([
    [
      "with writes: 'forward'",
      () => ({ writer: pool(database, 'primary'), writes: 'forward' as const }),
      /writes: 'auto'/,
    ],
    ['without a writer', () => ({}), /give route\(\) a writer/],
  ])('%s says so before anything is sent', async (_how, options, advice) => {
    const db = route({ reader: readerAlone(), ...options() })
    for (const write of [
      () => db('items').insert({ id: 81 }),
      () => db.transaction(async (trx) => trx('items').insert({ id: 81 })),
    ]) {
      const error = await rejection(write())
      expect(error).toBeInstanceOf(NoWriterError)
      expect(error.message).toContain('does not forward')
      expect(error.message).toMatch(advice)
    }
  })
})

describe('readers that cannot be reached', () => {
  const nobody = () =>
    createKnex({ client: 'pg', connection: 'postgres://127.0.0.1:1/none', pool: { min: 0 } })

  it('are left alone while there is another', async () => {
    const dead = nobody()
    const db = route({ readers: [dead, pool(database, 'reader')], writer: pool(database, 'primary') })
    for (let round = 0; round < 4; round++) expect(await placeOf(db)).toBe('reader')
  })

  it('are not asked again before they have cooled down', async () => {
    let asked = 0
    const dead = createServer((socket) => {
      asked++
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(dead, 'listening')
    const { port } = dead.address() as AddressInfo
    const reader = createKnex({
      client: 'pg',
      connection: `postgres://127.0.0.1:${port}/none`,
      pool: { min: 0 },
      log: { warn: () => undefined },
    })
    const db = route({ reader, writer: pool(database, 'primary') })
    for (let round = 0; round < 3; round++) expect(await placeOf(db)).toBe('writer')
    dead.close()
    expect(asked).toBe(1)
  })

  it('are not those whose pool is full: whoever waits for one is told', async () => {
    const db = route({
      reader: pool(database, 'reader', { pool: { max: 1 }, acquireConnectionTimeout: 200 }),
      writer: pool(database, 'primary'),
    })
    await db.transaction(
      async () => {
        expect(await rejection(db.raw(WHERE))).toMatchObject({ name: 'KnexTimeoutError' })
      },
      { readOnly: true },
    )
    expect(await placeOf(db)).toBe('reader')
  })

  it('leave what they would have done to the writer', async () => {
    const db = route({ reader: nobody(), writer: pool(database, 'primary') })
    expect(await placeOf(db)).toBe('writer')
    await db.transaction(async (trx) => expect(await placeOf(trx)).toBe('writer'), { readOnly: true })
  })

  it('are asked again once they have cooled down', async () => {
    const db = route({ reader: nobody(), coolDownMs: 1 })
    expect(await rejection(db.raw('select 1'))).toMatchObject({ code: 'ECONNREFUSED' })
    expect(await rejection(db.raw('select 1'))).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('a test transaction on a routed instance', () => {
  it('holds all of it on one connection of the writer, and leaves nothing', async () => {
    const db = routed('auto')
    await inTestTransaction(db, async () => {
      await db('items').insert({ id: 70 })
      await db.transaction(async (trx) => trx('items').where({ id: 70 }).update({ note: 'seen' }), {
        target: 'writer',
      })
      expect(await db('items').where({ id: 70 }).first()).toMatchObject({ note: 'seen' })
      expect(await placeOf(db)).toBe('writer')
    })
    expect(await idsIn(database)).not.toContain(70)
  })
})

describe('preventWrites()', () => {
  it('refuses what would write, before it is sent', async () => {
    const db = routed('auto')
    await preventWrites(async () => {
      await db('items').select()
      expect(await rejection(db('items').insert({ id: 60 }))).toBeInstanceOf(ReadOnlyUpgradeError)
      await db.transaction(async (trx) => {
        expect(await rejection(trx('items').insert({ id: 60 }))).toBeInstanceOf(ReadOnlyUpgradeError)
      })
    })
    await db('items').insert({ id: 61 })
    expect(await idsIn(database)).not.toContain(60)
  })
})

describe('route() refuses', () => {
  const one = pool
  const on = (client: string) => createKnex({ client })
  it.each([
    ['nothing', () => ({}), /neither a reader nor a writer/],
    ['no readers', () => ({ readers: [] }), /neither a reader nor a writer/],
    ['the same instance twice', () => same(), /given twice/],
    [
      "writes: 'writer' without one",
      () => ({ reader: one(database, 'reader'), writes: 'writer' }),
      /needs a writer/,
    ],
    [
      'another strategy',
      () => ({ writer: one(database, 'primary'), writes: 'both' }),
      /'?"forward", "writer", "auto"/,
    ],
    [
      "onUnsupported: 'writer' without one",
      () => ({ reader: one(database, 'reader'), onUnsupported: 'writer' }),
      /onUnsupported: 'writer' needs a writer\. Pass \{ writer \}/,
    ],
    [
      "onUnsupported: 'writer' with a guard on it",
      () => ({ writer: one(database, 'primary'), onUnsupported: 'writer', guard: 'always' }),
      /contradict each other/,
    ],
    ['no Knex', () => ({ reader: {} }), /not a Knex instance/],
    ['MySQL', () => ({ reader: on('mysql2') }), /Only PostgreSQL/],
    ['an unknown option', () => ({ writer: one(database, 'primary'), write: 'auto' }), /no option "write"/],
  ] as const)('%s', (_what, options, message) => {
    expect(() => route(options() as never)).toThrow(message)
  })

  function same() {
    const db = one(database, 'primary')
    return { reader: db, writer: db }
  }
})
