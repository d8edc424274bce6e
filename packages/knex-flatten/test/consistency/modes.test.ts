import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Knex } from 'knex'
import { TransactionOptionsError } from 'knex-flatten'
import { requestScope, withConsistency } from 'knex-flatten/consistency'
import { route } from 'knex-flatten/routing'
import { describe, expect, it, vi } from 'vitest'
import { useDatabase } from '../../../../test/setup/database.ts'
import { connectFlat, rejection, useItems } from '../items.ts'

const database = useItems()

const onReader = (options = {}, config = {}) =>
  connectFlat(database, { url: database.readerUrl, config }, options).db

const MODE = "select current_setting('apg_write_forward.consistency_mode', true) as apg_mode"

async function modeOf(on: Knex): Promise<string> {
  const { rows } = await on.raw<{ rows: { apg_mode: string }[] }>(MODE)
  return rows[0]!.apg_mode
}

describe.each([false, true])('the mode of sessions on a reader (lazyBegin %s)', (lazyBegin) => {
  it.each(['session', 'eventual', 'global', 'off'] as const)(
    '%s is that of every session of the instance',
    async (consistency) => {
      const db = onReader({ consistency, lazyBegin })
      const modes = await Promise.all([modeOf(db), modeOf(db), db.transaction((trx) => modeOf(trx))])
      expect(modes).toEqual([consistency, consistency, consistency])
    },
  )

  it('is a transaction’s own from BEGIN to its end, however it ends', async () => {
    const db = onReader({ lazyBegin }, { pool: { max: 1 } })
    expect(await modeOf(db)).toBe('session')
    await db.transaction(async (trx) => expect(await modeOf(trx)).toBe('global'), { consistency: 'global' })
    expect(await modeOf(db)).toBe('session')
    await db
      .transaction(
        async (trx) => {
          expect(await modeOf(trx)).toBe('eventual')
          await trx.raw('select 1/0')
        },
        { consistency: 'eventual' },
      )
      .catch(() => 'undone')
    expect(await modeOf(db)).toBe('session')
  })

  it('is taken back also where nobody asks servers what they are', async () => {
    const db = onReader({ lazyBegin, guard: 'off' }, { pool: { max: 1 } })
    await db.transaction(async (trx) => expect(await modeOf(trx)).toBe('global'), { consistency: 'global' })
    expect(await modeOf(db)).toBe('session')
  })

  it('is taken back also where the server was asked anew meanwhile', async () => {
    const db = onReader({ lazyBegin }, { pool: { max: 1 } })
    await modeOf(db)
    await db.transaction(
      async (trx) => {
        await modeOf(trx)
        const later = performance.now() + 60_000
        vi.spyOn(performance, 'now').mockImplementation(() => later)
      },
      { consistency: 'global' },
    )
    vi.restoreAllMocks()
    expect(await modeOf(db)).toBe('session')
  })

  it("goes back to the instance's own", async () => {
    const db = onReader({ lazyBegin, consistency: 'eventual' }, { pool: { max: 1 } })
    await db.transaction(async (trx) => expect(await modeOf(trx)).toBe('global'), { consistency: 'global' })
    expect(await modeOf(db)).toBe('eventual')
  })

  it('is of no matter on a writer', async () => {
    const { db } = connectFlat(database, {}, { consistency: 'global', lazyBegin })
    await db.transaction(async (trx) => trx('items').select(), { consistency: 'eventual' })
  })
})

describe('a block', () => {
  const modes = (db: Knex) => Promise.all([modeOf(db), modeOf(db), db.transaction((trx) => modeOf(trx))])

  it.each([{}, { guard: 'off' as const }, { consistency: 'global' as const, lazyBegin: true }])(
    'has a mode for whatever runs in it, and for nothing else (%j)',
    async (options) => {
      const db = onReader(options, { pool: { max: 2 } })
      const own = options.consistency ?? 'session'
      expect(await withConsistency('eventual', () => modes(db))).toEqual(['eventual', 'eventual', 'eventual'])
      expect(await modes(db)).toEqual([own, own, own])
      expect(await withConsistency('eventual', async () => rejection(db.raw('select 1/0')))).toBeDefined()
      for await (const row of withConsistency('eventual', () => db.raw(MODE).stream())) {
        expect(row).toEqual({ apg_mode: 'eventual' })
      }
      expect(await modes(db)).toEqual([own, own, own])
    },
  )

  it('gives way to the one inside it, and to what a transaction asks for itself', async () => {
    const db = onReader()
    await withConsistency('eventual', async () => {
      expect(await withConsistency('global', () => modeOf(db))).toBe('global')
      await db.transaction(
        async (trx) => {
          expect(await modeOf(trx)).toBe('global')
          await trx.transaction(async (inner) => expect(await modeOf(inner)).toBe('global'))
        },
        { consistency: 'global' },
      )
      expect(await modeOf(db)).toBe('eventual')
    })
  })

  it('lets a transaction in it ask for less', async () => {
    await withConsistency('global', () =>
      onReader().transaction(async (trx) => expect(await modeOf(trx)).toBe('eventual'), {
        consistency: 'eventual',
      }),
    )
  })

  it('is no promise that the session shows what was written in it', async () => {
    const db = onReader()
    const waits: unknown[] = []
    const listen = (message: unknown): void => void waits.push(message)
    subscribe('knex-flatten:reader-wait', listen)
    await requestScope(db, async () => {
      await withConsistency('eventual', async () => db('items').insert({ id: 701 }))
      expect(await db('items').where({ id: 701 })).toHaveLength(1)
    })
    unsubscribe('knex-flatten:reader-wait', listen)
    expect(waits).toHaveLength(1)
  })

  it('holds in a request scope as well', async () => {
    const db = onReader({}, { pool: { max: 1 } })
    await requestScope(db, async () => {
      await db('items').insert({ id: 700 })
      expect(await withConsistency('eventual', () => modeOf(db))).toBe('eventual')
      expect(await modeOf(db)).toBe('session')
      expect(await db('items').where({ id: 700 })).toHaveLength(1)
    })
    expect(await modeOf(db)).toBe('session')
  })

  it('is refused inside a transaction that has begun with less', async () => {
    const db = onReader()
    const late = (mode: 'global' | 'eventual') =>
      db.transaction((trx) => withConsistency(mode, () => modeOf(trx)), { consistency: 'session' })
    const error = await rejection(late('global'))
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toContain("withConsistency('global', …) was entered inside the transaction")
    expect(await late('eventual')).toBe('session')
  })

  it('is of no matter on a writer, and refused for what is no mode', async () => {
    const { db } = connectFlat(database)
    expect(await withConsistency('global', async () => db('items').select(1))).toBeDefined()
    expect(() => withConsistency('banana' as never, () => 1)).toThrow(
      /mode must be "session", "eventual", "global", "off"/,
    )
  })
})

describe('a scope', () => {
  it.each([
    ['session', 'global'],
    ['eventual', 'session'],
    ['global', 'global'],
  ] as const)('that asks for %s joins a root that has %s', async (asked, given) => {
    await onReader().transaction(
      (trx) =>
        trx.transaction(async (inner) => expect(await modeOf(inner)).toBe(given), { consistency: asked }),
      { consistency: given },
    )
  })

  it.each([
    ['global', 'session'],
    ['off', 'global'],
    ['session', undefined],
  ] as const)('that asks for %s is refused in a root that has %s', async (asked, given) => {
    const error = await rejection(
      onReader().transaction(
        (trx) => trx.transaction(async () => Promise.resolve(), { consistency: asked }),
        given && { consistency: given },
      ),
    )
    expect(error).toBeInstanceOf(TransactionOptionsError)
    expect(error.message).toContain(`consistency: '${asked}'`)
  })
})

describe('a reader without forwarding', () => {
  /** As on any PostgreSQL, the parameter is no row of pg_settings, and yet everybody may set it. */
  const plain = useDatabase((primary) =>
    primary.query(`
      set allow_system_table_mods = on;
      create or replace view pg_catalog.pg_settings as select * from pg_show_all_settings() a;
    `),
  )

  it.each([
    ['of an instance', { consistency: 'global' as const }, {}],
    ['of a transaction', {}, { consistency: 'global' as const }],
  ])('refuses the mode %s, which would do nothing there', async (_of, options, config) => {
    const { db } = connectFlat(plain, { url: plain.readerUrl, config: { pool: { max: 1 } } }, options)
    for (let round = 0; round < 2; round++) {
      const error = await rejection(db.transaction(async (trx) => trx.raw('select 1'), config))
      expect(error).toBeInstanceOf(TransactionOptionsError)
      expect(error.message).toContain(
        "consistency: 'global' was asked of a reader that has no write forwarding",
      )
    }
    expect((db.client as { pool: { numUsed: () => number } }).pool.numUsed()).toBe(0)
  })
})

it.each([
  ['in an instance', () => connectFlat(database, {}, { consistency: 'strict' as never }).db.raw('select 1')],
  [
    'in a transaction',
    () => onReader().transaction(async () => Promise.resolve(), { consistency: 'banana' as never }),
  ],
])('a mode that Aurora does not know is refused: %s', async (_where, ask) => {
  const error = await rejection((async () => ask())())
  expect(error).toBeInstanceOf(TransactionOptionsError)
  expect(error.message).toContain('"session", "eventual", "global", "off"')
})

it('a routed instance has it on its readers', async () => {
  const reader = database.connect({ url: database.readerUrl }).db
  const db = route({ reader, writer: database.connect().db, consistency: 'eventual' })
  expect(await modeOf(db)).toBe('eventual')
  await db.transaction(async (trx) => expect(await modeOf(trx)).toBe('global'), { consistency: 'global' })
  expect(await modeOf(db)).toBe('eventual')
})
