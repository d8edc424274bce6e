import createKnex, { type Knex } from 'knex'
import { flatten, TransactionOptionsError } from 'knex-flatten'
import { onReader, onWriter, route, type RouteChoice, routeOf, withWriter } from 'knex-flatten/routing'
import { describe, expect, it } from 'vitest'
import { connectFlat, rejection, useItems } from '../items.ts'
import { pool } from '../routing/routes.ts'
import { told } from './told.ts'

const database = useItems()
const routed = (options = {}) =>
  route({ reader: pool(database, 'reader'), writer: pool(database, 'primary'), ...options })
const nobody = () => createKnex({ client: 'pg', connection: 'postgres://127.0.0.1:1/none', pool: { min: 0 } })
const withoutForwarding = () =>
  pool(database, 'reader', {
    connection: {
      connectionString: database.readerUrl,
      options: '-c apg_write_forward.consistency_mode=off',
    },
  })

/** What Knex's own events say of where each statement ran. */
function heardBy(db: Knex): (RouteChoice | undefined)[] {
  const heard: (RouteChoice | undefined)[] = []
  db.on('query', ({ route: where }: { route?: RouteChoice }) => heard.push(where))
  return heard
}

describe('where a statement outside of a transaction runs', () => {
  it.each<[string, (db: Knex) => PromiseLike<unknown>, RouteChoice]>([
    ['a read', (db) => db('items').select(), { target: 'reader', reason: 'reads' }],
    ['a write', (db) => db('items').delete(), { target: 'reader', reason: 'forwards' }],
    ['what a reader refuses', (db) => db.raw('analyze items'), { target: 'writer', reason: 'unsupported' }],
    ['with a hint', (db) => onWriter(db('items').select()), { target: 'writer', reason: 'hint' }],
    ['with another', (db) => onReader(db('items').select()), { target: 'reader', reason: 'hint' }],
    ['in a block', (db) => withWriter(() => db('items').select()), { target: 'writer', reason: 'block' }],
    ['of a schema', (db) => db.schema.hasTable('items'), { target: 'writer', reason: 'schema' }],
  ])('is told with its reason, and on the `query` event of Knex: %s', async (_what, run, choice) => {
    const db = routed()
    const routes = told('knex-flatten:route')
    const heard = heardBy(db)
    await run(db)
    expect(heard).toEqual([choice])
    expect(routes).toEqual([{ db, route: choice, transaction: undefined, statements: [expect.any(String)] }])
  })

  it('is told of a stream, and of a connection that the application asks for', async () => {
    const db = routed()
    const routes = told('knex-flatten:route')
    const heard = heardBy(db)
    await db('items').select().stream().toArray()
    const connection = await db.client.acquireConnection()
    await db.client.releaseConnection(connection)
    expect(heard).toEqual([{ target: 'reader', reason: 'reads' }])
    expect(routes).toMatchObject([
      { route: { target: 'reader', reason: 'reads' }, statements: ['select * from "items"'] },
      { route: { target: 'reader', reason: 'forwards' }, statements: [] },
    ])
  })
})

describe('where a transaction runs', () => {
  it.each<[string, Knex.TransactionConfig, RouteChoice]>([
    ['that may write', {}, { target: 'reader', reason: 'forwards' }],
    ['that only reads', { readOnly: true }, { target: 'reader', reason: 'read-only' }],
    ['that says where', { target: 'writer' }, { target: 'writer', reason: 'asked' }],
  ])('is told, and can be asked for: one %s', async (_what, config, choice) => {
    const db = routed()
    const routes = told('knex-flatten:route')
    const began = told('knex-flatten:begin')
    const heard = heardBy(db)
    let handle!: Knex.Transaction
    await db.transaction(async (trx) => {
      handle = trx
      await trx('items').select()
      await trx.transaction(async (scope) => expect(routeOf(scope)).toEqual(choice))
      expect(routeOf(trx)).toEqual(choice)
    }, config)
    expect(routeOf(handle)).toEqual(choice)
    const { transaction } = began[0]!
    expect(transaction.route).toEqual(choice)
    expect(routes).toEqual([{ db, route: choice, transaction, statements: [] }])
    expect(heard.filter(Boolean)).toEqual([choice])
  })

  it('is not known before its first statement with lazyBegin', async () => {
    const db = routed({ lazyBegin: true })
    await db.transaction(async (trx) => {
      expect(routeOf(trx)).toBeUndefined()
      await trx('items').select()
      expect(routeOf(trx)).toEqual({ target: 'reader', reason: 'forwards' })
    })
  })

  it('is undefined of an instance with one pool, and refused for what is no transaction', async () => {
    const { db } = connectFlat(database)
    await db.transaction(async (trx) => expect(routeOf(trx)).toBeUndefined())
    expect(() => routeOf(db)).toThrow(TransactionOptionsError)
  })
})

describe('what goes to the writer instead', () => {
  it('of a reader that does not forward is told as it is in the end', async () => {
    const db = route({ reader: withoutForwarding(), writer: pool(database, 'primary') })
    const fallbacks = told('knex-flatten:fallback')
    const heard = heardBy(db)
    const there = { target: 'writer', reason: 'cannot-forward' }
    await db('items').delete()
    await db.transaction(async (trx) => expect(routeOf(trx)).toEqual(there))
    expect(heard[0]).toEqual(there)
    const wanted = { target: 'reader', reason: 'forwards' }
    expect(fallbacks).toEqual([
      { db, wanted, route: there },
      { db, wanted, route: there },
    ])
  })

  it('of readers that cannot be reached is told with what each failed with', async () => {
    const db = route({ readers: [nobody(), nobody()], writer: pool(database, 'primary'), coolDownMs: 60_000 })
    const failed = told('knex-flatten:reader-failed')
    const fallbacks = told('knex-flatten:fallback')
    const heard = heardBy(db)
    await db('items').select()
    const error = expect.objectContaining({ code: 'ECONNREFUSED' })
    expect(failed.toSorted((one, other) => one.pool.localeCompare(other.pool))).toEqual([
      { db, pool: 'reader 1', error, coolDownMs: 60_000 },
      { db, pool: 'reader 2', error, coolDownMs: 60_000 },
    ])
    const there = { target: 'writer', reason: 'readers-failed' }
    expect(fallbacks).toEqual([{ db, wanted: { target: 'reader', reason: 'reads' }, route: there }])
    expect(heard).toEqual([there])
  })

  it('where there is one pool only is no fallback', async () => {
    const db = route({ writer: pool(database, 'primary') })
    const fallbacks = told('knex-flatten:fallback')
    const heard = heardBy(db)
    await db('items').delete()
    expect(heard).toEqual([{ target: 'writer', reason: 'only-pool' }])
    expect(fallbacks).toEqual([])
  })
})

describe('of the guard', () => {
  it('each verdict is told, refused or sent, with the transaction it fell in', async () => {
    const { db } = database.connect({ url: database.readerUrl })
    flatten(db)
    const verdicts = told('knex-flatten:guard')
    const began = told('knex-flatten:begin')
    await rejection(db.raw('lock table items'))
    await rejection(db.transaction(async (trx) => trx.raw('lock table orders')))
    expect(verdicts).toEqual([
      { db, transaction: undefined, rule: 'lock-table', verdict: 'refused', sql: 'lock table items' },
      {
        db,
        transaction: began[0]!.transaction,
        rule: 'lock-table',
        verdict: 'refused',
        sql: 'lock table orders',
      },
    ])
    const warned = flatten(database.connect().db, { guard: 'always', onUnsupported: 'warn' })
    await warned.raw('analyze items')
    await warned.raw('analyze items')
    expect(verdicts.slice(2)).toMatchObject([{ verdict: 'sent' }, { verdict: 'sent' }])
  })
})
