import type pg from 'pg'
import { afterEach, beforeAll, expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import { errorOf, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: 'CREATE TABLE item (id serial)', each: noItems })
let lag: ReplayLag

beforeAll(() => {
  lag = new ReplayLag(rig.servers)
})
afterEach(async () => {
  await lag.resume()
  await lag.set(0)
})

const count = 'SELECT count(*)::int AS n FROM item'
const write = 'INSERT INTO item DEFAULT VALUES'
const mode = (each: string) => `SET apg_write_forward.consistency_mode = '${each}'`

async function readerIn(each: string): Promise<pg.Client> {
  const client = await rig.reader()
  await client.query(mode(each))
  return client
}

async function read(client: pg.Client): Promise<number> {
  return (await client.query(count)).rows[0].n
}

/** A read that has begun, and whether it has been answered. */
function beginRead(client: pg.Client): { answered: boolean; rows: Promise<number> } {
  const begun = {
    answered: false,
    rows: read(client).finally(() => {
      begun.answered = true
    }),
  }
  return begun
}

it('shows the old row under eventual consistency while replay is paused, and the new one once it has caught up', async () => {
  const client = await readerIn('eventual')
  await lag.pause()
  await client.query(write)
  expect(await read(client)).toBe(0)
  await lag.resume()
  await lag.caughtUp()
  expect(await read(client)).toBe(1)
})

it('waits under global consistency for what anybody has committed, even if the session wrote nothing', async () => {
  const client = await readerIn('global')
  await lag.pause()
  await rig.onPrimary(write)
  const begun = beginRead(client)
  await rig.somebodyWaits()
  expect(begun.answered).toBe(false)
  await lag.resume()
  expect(await begun.rows).toBe(1)
})

it('never gives a global read an answer that was asked for before it began', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => readerIn('global')))
  const writer = await rig.reader()
  for (let n = 1; n <= 20; n++) {
    const early = clients.slice(0, 4).map(read)
    await writer.query(write)
    const late = await Promise.all(clients.slice(4).map(read))
    expect(late).toEqual([n, n, n, n])
    await Promise.all(early)
  }
})

it('sees under global consistency a commit of another session that is not flushed yet', async () => {
  const client = await readerIn('global')
  const writer = await rig.reader()
  await writer.query('SET synchronous_commit = off')
  for (let n = 1; n <= 20; n++) {
    await writer.query(write)
    expect(await read(client)).toBe(n)
  }
})

it('waits for a commit that was unflushed by SET LOCAL alone', async () => {
  const client = await rig.reader()
  for (let n = 1; n <= 20; n++) {
    await client.query('BEGIN')
    await client.query('SET LOCAL synchronous_commit = off')
    await client.query(write)
    await client.query('COMMIT')
    expect(await read(client)).toBe(n)
  }
})

it('does not wait for what is written but not flushed by a transaction that is still open', async () => {
  await rig.onPrimary("ALTER SYSTEM SET wal_writer_delay = '10s'")
  await rig.onPrimary('SELECT pg_reload_conf()')
  const busy = await rig.reader()
  const [own, global] = [await rig.reader(), await readerIn('global')]
  try {
    await busy.query('BEGIN')
    const reads = { over: false }
    const writing = (async () => {
      while (!reads.over) await busy.query(write)
    })()
    for (let n = 1; n <= 20; n++) {
      await own.query(write)
      expect(await read(own)).toBe(n)
      expect(await read(global)).toBe(n)
    }
    reads.over = true
    await writing
    await busy.query('ROLLBACK')
  } finally {
    await rig.onPrimary('ALTER SYSTEM RESET wal_writer_delay')
    await rig.onPrimary('SELECT pg_reload_conf()')
  }
})

it('forwards nothing in mode off, and lets the standby answer by itself', async () => {
  const client = await readerIn('off')
  expect(await errorOf(client.query(write))).toMatchObject({
    code: '25006',
    message: 'cannot execute INSERT in a read-only transaction',
  })
  expect(await errorOf(client.query({ text: write, values: [] }))).toMatchObject({ code: '25006' })
  expect(await errorOf(client.query('BEGIN READ WRITE'))).toMatchObject({ code: '0A000' })
  await client.query('BEGIN')
  await client.query('SAVEPOINT a')
  await client.query('ROLLBACK')
  expect(rig.endpoint.crossings().total).toBe(0)
  expect(rig.endpoint.refusals()).toEqual([])
  await client.query(mode('session'))
  await client.query(write)
  expect(await read(client)).toBe(1)
})

it('changes its mode on the fly, and a text that sets one and reads gets the stricter', async () => {
  const client = await readerIn('eventual')
  await lag.pause()
  await client.query(write)
  expect(await read(client)).toBe(0)
  const begun = client.query(`${mode('session')}; ${count}`)
  await rig.somebodyWaits()
  await lag.resume()
  expect(((await begun) as unknown as pg.QueryResult[])[1]!.rows).toEqual([{ n: 1 }])
  expect((await client.query('SHOW apg_write_forward.consistency_mode')).rows[0]).toEqual({
    'apg_write_forward.consistency_mode': 'session',
  })
})

it('begins in the mode of the endpoint, which the client may choose at its start', async () => {
  const eventual = await rig.endpointWith({ consistency: 'eventual' })
  const [plain, own] = await Promise.all([
    rig.reader({ port: eventual.port }),
    rig.reader({ port: eventual.port, options: '-c apg_write_forward.consistency_mode=session' }),
  ])
  const show = async (client: pg.Client) =>
    (await client.query('SHOW apg_write_forward.consistency_mode')).rows[0][
      'apg_write_forward.consistency_mode'
    ]
  expect([await show(plain), await show(own)]).toEqual(['eventual', 'session'])
  await lag.pause()
  await plain.query(write)
  expect(await read(plain)).toBe(0)
  await own.query(write)
  const begun = beginRead(own)
  await rig.somebodyWaits()
  expect(begun.answered).toBe(false)
  await lag.resume()
  expect(await begun.rows).toBe(2)
})

it('gives up waiting when statement_timeout has passed, and goes on', async () => {
  const client = await rig.reader()
  await client.query("SET statement_timeout = '50ms'")
  await lag.pause()
  await client.query(write)
  expect(await errorOf(read(client))).toMatchObject({
    code: '57014',
    message: 'canceling statement due to statement timeout',
  })
  await client.query('BEGIN')
  expect(await errorOf(read(client))).toMatchObject({ code: '57014' })
  expect(await errorOf(read(client))).toMatchObject({ code: '25P02' })
  await client.query('ROLLBACK')
  await client.query('SET statement_timeout = 0')
  await lag.resume()
  expect(await read(client)).toBe(1)
})

it('takes a transaction that keeps its snapshot as it is: only its first read waits', async () => {
  const client = await readerIn('global')
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  expect(await read(client)).toBe(0)
  await lag.pause()
  await rig.onPrimary(write)
  expect(await read(client)).toBe(0)
  await lag.resume()
  await lag.caughtUp()
  expect(await read(client)).toBe(0)
  await client.query('COMMIT')
  expect(await read(client)).toBe(1)
})

it('waits before the first read of a transaction that keeps its snapshot', async () => {
  const client = await readerIn('global')
  await lag.pause()
  await rig.onPrimary(write)
  await client.query("SET default_transaction_isolation = 'repeatable read'")
  await client.query('BEGIN')
  const begun = beginRead(client)
  await rig.somebodyWaits()
  expect(begun.answered).toBe(false)
  await lag.resume()
  expect(await begun.rows).toBe(1)
  await client.query('COMMIT')
})
