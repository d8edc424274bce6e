import { SpanStatusCode } from '@opentelemetry/api'
import { afterCommit, flatten, TransactionOptionsError } from 'knex-flatten'
import { instrument } from 'knex-flatten/otel'
import { route } from 'knex-flatten/routing'
import { afterEach, describe, expect, it } from 'vitest'
import { connectFlat, rejection, useItems } from '../items.ts'
import { pool } from '../routing/routes.ts'
import { activeSpan, inSpan, observed, tree, useContexts } from './telemetry.ts'

useContexts()
const database = useItems()
afterEach(() => database.rows('truncate items, orders'))
const open = (options = {}) => connectFlat(database, {}, options).db

describe('spans', () => {
  it('stand as transactions, scopes and hooks do, inside of the active one', async () => {
    const db = open()
    const telemetry = observed(db)
    await inSpan(telemetry, 'request', () =>
      db.transaction(
        async (trx) => {
          expect(activeSpan()).toBe('transaction pay')
          afterCommit(trx, () => inSpan(telemetry, 'mail', async () => undefined))
          await trx.transaction(
            async (scope) =>
              inSpan(telemetry, 'calculation', () =>
                scope.transaction(async (inner) => inner('items').select(), { name: 'deep' }),
              ),
            { name: 'book' },
          )
        },
        { name: 'pay' },
      ),
    )
    expect(tree(telemetry.spans())).toEqual({
      request: undefined,
      'transaction pay': 'request',
      'scope book': 'transaction pay',
      calculation: 'scope book',
      'scope deep': 'calculation',
      'hook afterCommit': 'transaction pay',
      mail: 'hook afterCommit',
    })
    expect(activeSpan()).toBeUndefined()
  })

  it('say what is known of a transaction, by the names of the semantic conventions where there are any', async () => {
    const db = open()
    const { spans } = observed(db)
    await db.transaction(
      async (trx) => {
        await trx('items').insert({ id: 1 })
        await trx.transaction(async () => undefined)
      },
      { name: 'pay', isolationLevel: 'repeatable read' },
    )
    const [transaction, scope] = spans()
    expect(transaction!.attributes).toEqual({
      'db.system.name': 'postgresql',
      'code.file.path': expect.stringMatching(/spans\.test\.ts$/),
      'code.line.number': expect.any(Number),
      'code.column.number': expect.any(Number),
      'knex_flatten.name': 'pay',
      'knex_flatten.read_only': false,
      'knex_flatten.isolation_level': 'repeatable read',
      'knex_flatten.attempt': 1,
      'knex_flatten.statements': 1,
      'knex_flatten.crossings': 2,
      'knex_flatten.outcome': 'committed',
    })
    expect(scope!.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'knex_flatten.savepoint': false,
    })
    expect(transaction!.events.map(({ name }) => name)).toEqual(['knex_flatten.begin'])
    expect(transaction!.status.code).toBe(SpanStatusCode.UNSET)
  })

  it('say where a transaction ran, and why; what runs outside of any is told to the active one', async () => {
    const db = route({ reader: pool(database, 'reader'), writer: pool(database, 'primary') })
    const telemetry = observed(db)
    await inSpan(telemetry, 'request', async () => {
      await db('items').select()
      await db.transaction(async () => undefined, { readOnly: true })
    })
    const [request, transaction] = telemetry.spans()
    expect(transaction!.attributes).toMatchObject({
      'knex_flatten.target': 'reader',
      'knex_flatten.reason': 'read-only',
    })
    expect(request!.events).toMatchObject([
      {
        name: 'knex_flatten.route',
        attributes: {
          'knex_flatten.target': 'reader',
          'knex_flatten.reason': 'reads',
          'db.query.text': 'select * from "items"',
        },
      },
    ])
  })

  it('belong to their transaction though it is handed out, and its scopes are opened elsewhere', async () => {
    const db = open()
    const telemetry = observed(db)
    const trx = await db.transaction(undefined, { name: 'handed out' })
    await inSpan(telemetry, 'elsewhere', () => trx.transaction(async () => undefined, { name: 'late' }))
    await trx.commit()
    await expect
      .poll(() => tree(telemetry.spans()))
      .toMatchObject({ 'scope late': 'transaction handed out', 'transaction handed out': undefined })
  })

  it('of other instances are not made', async () => {
    const telemetry = observed(open())
    await open().transaction(async (trx) => trx.transaction(async () => undefined))
    expect(telemetry.spans()).toEqual([])
  })

  it('end with instrumenting, which may begin again, and is not twice', async () => {
    const db = open()
    const { stop, spans } = observed(db)
    expect(() => instrument(db)).toThrow(TransactionOptionsError)
    stop()
    stop()
    await db.transaction(async () => undefined)
    expect(spans()).toEqual([])
    instrument(db)()
  })
})

describe('what fails', () => {
  it('is recorded with its words, its kind and its code, without the values of its statement', async () => {
    const db = open()
    const { spans } = observed(db)
    await db('items').insert({ id: 1 })
    await rejection(db.transaction(async (trx) => trx('items').insert({ id: 1, note: 'a secret' })))
    const [transaction] = spans()
    expect(transaction!.status).toEqual({
      code: SpanStatusCode.ERROR,
      message:
        'insert into "items" ("id", "note") values ($1, $2) - duplicate key value violates unique constraint "items_pkey"',
    })
    expect(transaction!.attributes).toMatchObject({
      'error.type': '23505',
      'db.response.status_code': '23505',
      'knex_flatten.outcome': 'rolled-back',
    })
    expect(transaction!.events.map(({ name }) => name)).toEqual([
      'knex_flatten.begin',
      'knex_flatten.doom',
      'exception',
    ])
    expect(transaction!.events[1]!.attributes).toMatchObject({
      'knex_flatten.kind': 'statement',
      'db.query.text': 'insert into "items" ("id", "note") values ($1, $2)',
    })
    expect(JSON.stringify(transaction!.events)).not.toContain('secret')
  })

  it('has no SQL at all where that was asked for', async () => {
    const db = open({ guard: 'always' })
    const { spans } = observed(db, { statements: false })
    await rejection(
      db.transaction(async (trx) => {
        await rejection(trx.raw('lock table items'))
      }),
    )
    const [transaction] = spans()
    expect(transaction!.attributes['error.type']).toBe('FLATTEN_UNEXPECTED_ROLLBACK')
    expect(JSON.stringify([transaction!.events, transaction!.status])).not.toContain('lock table')
    expect(transaction!.events.map(({ name }) => name)).toContain('knex_flatten.guard')
  })

  it('stands on the scope that it happened in, and on what was doomed by it', async () => {
    const db = open()
    const { spans } = observed(db)
    await rejection(
      db.transaction(async (trx) => {
        await rejection(
          trx.transaction(async () => Promise.reject(new TypeError('no points')), { name: 'bonus' }),
        )
      }),
    )
    const [transaction, scope] = spans()
    expect(scope!.events.map(({ name }) => name)).toEqual(['knex_flatten.doom', 'exception'])
    expect(scope!.events[1]!.attributes).toMatchObject({
      'exception.type': 'TypeError',
      'exception.message': 'no points',
      'exception.stacktrace': expect.stringMatching(/^ {4}at /),
    })
    expect(transaction!.attributes['error.type']).toBe('FLATTEN_UNEXPECTED_ROLLBACK')
  })

  it('and is run again, is one span a run, and told to who waits for all of them', async () => {
    const db = open()
    const telemetry = observed(db)
    let runs = 0
    await inSpan(telemetry, 'request', () =>
      db.transaction(
        async (trx) => {
          if (++runs < 2) await trx.raw(`do $$ begin raise exception 'again' using errcode = '40001'; end $$`)
        },
        { retry: { minDelayMs: 1, maxDelayMs: 2 } },
      ),
    )
    const [request, first, second] = telemetry.spans()
    expect([first, second].map((span) => span!.attributes['knex_flatten.attempt'])).toEqual([1, 2])
    expect(request!.events).toMatchObject([
      { name: 'knex_flatten.retry', attributes: { 'knex_flatten.attempt': 1, 'error.type': '40001' } },
    ])
  })

  it('behind COMMIT leaves the outcome what it is', async () => {
    const db = open()
    const { spans } = observed(db)
    await rejection(
      db.transaction(async (trx) => afterCommit(trx, () => Promise.reject(new Error('no mail today')))),
    )
    const [transaction, hook] = spans()
    expect(transaction!.attributes).toMatchObject({
      'knex_flatten.outcome': 'committed',
      'error.type': 'FLATTEN_AFTER_COMMIT',
    })
    expect(hook!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no mail today' })
  })
})

it.each([
  [{ tracerProvider: {} }, /tracerProvider must be a TracerProvider/],
  [{ meterProvider: 1 }, /meterProvider must be a MeterProvider/],
  [{ statements: 'no' }, /statements must be true or false/],
  [{ provider: {} }, /there is no option "provider"/],
  [null, /options must be an object/],
])('instrument() refuses %j', (options, message) => {
  const { db } = database.connect()
  expect(() => instrument(db)).toThrow(/must be what flatten\(knex\) returned/)
  expect(() => instrument(flatten(db), options as never)).toThrow(message)
})
