import { type ForwardingReader, startForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import {
  afterCommit,
  afterCompletion,
  AfterCommitError,
  CommitOutcomeUnknownError,
  flatten,
  ForwardingError,
} from 'knex-flatten'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { wayTo } from '../setup/way.ts'

describe('a flattened instance on a reader that may lose its writer', () => {
  let reader: ForwardingReader
  let db: Knex
  let primary: Knex
  const outcomes: string[] = []

  beforeAll(async () => {
    reader = await startForwardingReader()
    const log = { warn: () => undefined }
    db = flatten(createKnex({ client: 'pg', connection: reader.readerUrl, log }))
    primary = createKnex({ client: 'pg', connection: reader.primaryUrl, log })
    await primary.schema.createTable('item', (table) => table.integer('id').primary())
  })
  afterAll(async () => {
    await Promise.all([db.destroy(), primary.destroy()])
    await reader.stop()
  })
  beforeEach(async () => {
    outcomes.length = 0
    await primary('item').delete()
  })

  const insert = (on: Knex, id: number) => on('item').insert({ id })
  const watched = (trx: Knex) => afterCompletion(trx, (outcome) => outcomes.push(outcome))
  const stored = () => primary('item').orderBy('id').pluck('id')

  it.each([true, false])(
    'says that the outcome is unknown where the answer of COMMIT is lost, applied: %s',
    async (applied) => {
      await reader.faults.loseNextCommitAnswer({ applied })
      const error = await db
        .transaction(
          async (trx) => {
            watched(trx)
            await insert(trx, 1)
          },
          { name: 'pay', retry: { minDelayMs: 1 } },
        )
        .catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(CommitOutcomeUnknownError)
      expect(error).toMatchObject({ code: 'FLATTEN_COMMIT_UNKNOWN', cause: { code: '08007' } })
      expect((error as Error).message).toMatch(
        /^Nobody can tell whether the transaction "pay" \(opened at .*\) was committed/,
      )
      expect(outcomes).toEqual(['unknown'])
      expect(await stored()).toEqual(applied ? [1] : [])
    },
  )

  it('says so where the connection itself is lost under COMMIT', async () => {
    await reader.faults.loseNextCommitAnswer({ applied: true, severs: 'client' })
    const trx = await db.transaction()
    watched(trx)
    await insert(trx, 1)
    const error = await trx.commit().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(CommitOutcomeUnknownError)
    expect(outcomes).toEqual(['unknown'])
    expect(await stored()).toEqual([1])
  })

  it('runs a transaction whose outcome is unknown again only where that was allowed', async () => {
    await reader.faults.loseNextCommitAnswer({ applied: true })
    let runs = 0
    await db.transaction(
      async (trx) => {
        runs++
        await trx('item').insert({ id: 1 }).onConflict('id').ignore()
      },
      { retry: { minDelayMs: 1, idempotent: true } },
    )
    expect(runs).toBe(2)
    expect(await stored()).toEqual([1])
  })

  it('runs a transaction again whose forwarded session was killed', async () => {
    let runs = 0
    await db.transaction(
      async (trx) => {
        await insert(trx, 1)
        if (++runs === 1) await reader.faults.killForwardedSessions()
        await trx.transaction((scope) => insert(scope, 2))
      },
      { retry: { minDelayMs: 1 } },
    )
    expect(runs).toBe(2)
    expect(await stored()).toEqual([1, 2])
  })

  it.each([
    ['was killed', () => reader.faults.killForwardedSessions()],
    ['ended with its writer, which was started again', () => reader.faults.restartWriter()],
  ])('explains the answer to a statement whose forwarded session %s', async (_how, lose) => {
    const causes: unknown[] = []
    const error = await db
      .transaction(async (trx) => {
        await insert(trx, 1)
        await lose()
        await insert(trx, 2).catch((caught: unknown) => {
          causes.push(caught)
          throw caught
        })
      })
      .catch((caught: unknown) => caught)
    expect(error).toBe(causes[0])
    expect(error).toBeInstanceOf(ForwardingError)
    const { cause, sqlstate } = error as ForwardingError
    expect(error).toMatchObject({ code: 'FLATTEN_FORWARDING', reason: 'writer-lost' })
    expect(cause).toMatchObject({ code: sqlstate, severity: 'ERROR' })
    expect((error as Error).message).toContain('run the whole of it again, as { retry: true } does')
    expect(await stored()).toEqual([])
    await db.transaction((trx) => insert(trx, 3))
    expect(await stored()).toEqual([3])
  })

  it('explains the answer to a statement alone whose writer cannot be reached, and leaves reads alone', async () => {
    const hasty = flatten(
      createKnex({
        client: 'pg',
        connection: {
          connectionString: reader.readerUrl,
          options: '-c apg_write_forward.connect_timeout=1s',
        },
      }),
    )
    await reader.faults.cutNetwork()
    try {
      const error: unknown = await insert(hasty, 1).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(ForwardingError)
      expect(error).toMatchObject({
        reason: 'writer-lost',
        statement: 'insert into "item" ("id") values ($1)',
      })
      expect((error as Error).message).toContain('look whether it took effect')
      expect(await hasty('item').where({ id: 1 })).toEqual([])
    } finally {
      await reader.faults.healNetwork()
      await hasty.destroy()
    }
  })

  it('runs a transaction again whose writer was started again under it', async () => {
    let runs = 0
    await db.transaction(
      async (trx) => {
        await insert(trx, 1)
        if (++runs === 1) await reader.faults.restartWriter()
        await insert(trx, 2)
      },
      { retry: { minDelayMs: 1 } },
    )
    expect(runs).toBe(2)
    expect(await stored()).toEqual([1, 2])
  })

  it('runs a transaction again that found nobody at the address of the writer', async () => {
    const away = await wayTo(reader.primaryUrl)
    await away.cut()
    let asked = 0
    const connection = () => ({
      connectionString: ++asked === 1 ? away.url : reader.primaryUrl,
      expirationChecker: () => asked === 1,
    })
    const writer = flatten(createKnex({ client: 'pg', connection, pool: { min: 0, max: 1 } }))
    try {
      await writer.transaction((trx) => insert(trx, 1), { retry: { minDelayMs: 1 } })
    } finally {
      await writer.destroy()
    }
    expect(asked).toBe(2)
    expect(await stored()).toEqual([1])
  })

  it('calls a hook once the reader shows what was committed, also to other sessions', async () => {
    await reader.lag.set(300)
    try {
      const seen: unknown[] = []
      await db.transaction(async (trx) => {
        await insert(trx, 1)
        afterCommit(trx, async () => seen.push(await other('item').pluck('id')), {
          when: 'visible-on-reader',
        })
      })
      expect(seen).toEqual([[1]])
    } finally {
      await reader.lag.set(0)
    }
  })

  it.each(['eventual', 'session'])(
    'does so in a session of mode %s, and leaves it as it was',
    async (mode) => {
      await reader.lag.set(300)
      try {
        const modes: unknown[] = []
        const seen: unknown[] = []
        const one = flatten(
          createKnex({ client: 'pg', connection: reader.readerUrl, pool: { min: 0, max: 1 } }),
        )
        await one.raw(`set apg_write_forward.consistency_mode = '${mode}'`)
        await one.transaction(async (trx) => {
          await insert(trx, 1)
          afterCommit(trx, async () => seen.push(await other('item').pluck('id')), {
            when: 'visible-on-reader',
          })
        })
        modes.push((await one.raw('show apg_write_forward.consistency_mode')).rows)
        await one.destroy()
        expect(seen).toEqual([[1]])
        expect(modes).toEqual([[{ 'apg_write_forward.consistency_mode': mode }]])
      } finally {
        await reader.lag.set(0)
      }
    },
  )

  it('fails a hook that waits in vain for the reader, and says that the transaction is committed', async () => {
    await reader.lag.pause()
    const config = { client: 'pg', connection: reader.readerUrl, pool: { min: 0, max: 1 } }
    const one = flatten(createKnex({ ...config, log: { warn: () => undefined } }))
    const pids = async () => (await one.raw('select pg_backend_pid() as pid')).rows
    try {
      const before = await pids()
      const ran: string[] = []
      const error = await one
        .transaction(async (trx) => {
          await insert(trx, 1)
          afterCommit(trx, () => ran.push('at once'))
          afterCommit(trx, () => expect.unreachable(), { when: 'visible-on-reader', timeoutMs: 100 })
        })
        .catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(AfterCommitError)
      expect((error as Error).message).toMatch(/The reader did not show what was committed within 100 ms/)
      expect((error as AfterCommitError).errors).toHaveLength(1)
      expect(ran).toEqual(['at once'])
      expect(await stored()).toEqual([1])
      // Nobody knows what its session is still waiting for.
      expect(await pids()).not.toEqual(before)
    } finally {
      await reader.lag.resume()
      await one.destroy()
    }
  })

  /** Sessions that have written nothing themselves, and wait for nothing. */
  let other: Knex
  beforeAll(() => {
    other = createKnex({
      client: 'pg',
      connection: {
        connectionString: reader.readerUrl,
        options: '-c apg_write_forward.consistency_mode=eventual',
      },
    })
  })
  afterAll(() => other.destroy())
})
