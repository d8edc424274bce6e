import type pg from 'pg'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import { bind, execute, parse, query, sync } from '../endpoint/raw-client.ts'
import { errorOf, useRig } from '../endpoint/rig.ts'

const rig = useRig({
  once: 'CREATE TABLE account (id int PRIMARY KEY, balance int); CREATE FUNCTION own() RETURNS int LANGUAGE sql RETURN 1',
  each: 'TRUNCATE account; INSERT INTO account VALUES (1, 100), (2, 100)',
})
let lag: ReplayLag
let strict: Endpoint
let client: pg.Client

beforeAll(async () => {
  lag = new ReplayLag(rig.servers)
  strict = await rig.endpointWith({ assumptions: { 'repeatable-read-hand-over': 'refuse-if-stale' } })
})
beforeEach(async () => {
  client = await rig.reader()
})
afterEach(() => lag.end())

const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ'
const balances = 'SELECT balance FROM account ORDER BY id'
const withdraw = 'UPDATE account SET balance = balance - 10 WHERE id = 1'
const otherWithdraws = 'UPDATE account SET balance = balance - 50 WHERE id = 1'

async function read(on: pg.Client = client): Promise<number[]> {
  return (await on.query<{ balance: number }>(balances)).rows.map(({ balance }) => balance)
}

describe('a REPEATABLE READ transaction that reads before it writes', () => {
  it.each([
    ['replicated', () => rig.replicated()],
    ['not replicated yet', () => Promise.resolve()],
  ])('sees after its first write what was committed in between, and overwrites it: %s', async (_, then) => {
    await client.query(begin)
    expect(await read()).toEqual([100, 100])
    await lag.pause()
    await rig.onPrimary(otherWithdraws)
    await lag.resume()
    await then()
    expect(await read()).toEqual([100, 100])
    expect((await client.query(`${withdraw} RETURNING balance`)).rows).toEqual([{ balance: 40 }])
    expect(await read()).toEqual([40, 100])
    await client.query('COMMIT')
    expect(await read()).toEqual([40, 100])
  })

  it('keeps the snapshot of its first write from there on, as PostgreSQL does', async () => {
    await client.query(begin)
    await read()
    await client.query('UPDATE account SET balance = 0 WHERE id = 2')
    await rig.onPrimary(otherWithdraws)
    expect(await read()).toEqual([100, 0])
    expect(await errorOf(client.query(withdraw))).toMatchObject({ code: '40001' })
    await client.query('ROLLBACK')
    expect(await rig.onPrimary(balances)).toEqual([{ balance: 50 }, { balance: 100 }])
  })

  it('loses nothing where it locks what it reads', async () => {
    await client.query(begin)
    await client.query('SELECT balance FROM account WHERE id = 1 FOR UPDATE')
    const other = new Promise((resolve) => void rig.onPrimary(otherWithdraws).then(resolve))
    await client.query('UPDATE account SET balance = 90 WHERE id = 1')
    await client.query('COMMIT')
    await other
    expect(await rig.onPrimary(balances)).toEqual([{ balance: 40 }, { balance: 100 }])
  })
})

describe('assumption repeatable-read-hand-over=refuse-if-stale', () => {
  beforeEach(async () => {
    client = await rig.reader({ port: strict.port })
  })

  const refusal = { code: '40001', message: 'could not serialize access due to concurrent update' }

  it.each([
    ['replicated', () => rig.replicated()],
    ['not replicated yet', () => Promise.resolve()],
  ])('refuses the first write if anything was committed since the first read: %s', async (_, then) => {
    await client.query(begin)
    await read()
    await rig.onPrimary(otherWithdraws)
    await then()
    expect(await errorOf(client.query(withdraw))).toMatchObject(refusal)
    expect(await errorOf(read())).toMatchObject({ code: '25P02' })
    await client.query('ROLLBACK')
    expect(await rig.onPrimary(balances)).toEqual([{ balance: 50 }, { balance: 100 }])
    await rig.replicated()
    await client.query(begin)
    expect(await read()).toEqual([50, 100])
    await client.query(withdraw)
    await client.query('COMMIT')
    expect(await rig.onPrimary(balances)).toEqual([{ balance: 40 }, { balance: 100 }])
  })

  it('refuses it if the standby was behind when it was read', async () => {
    await lag.pause()
    await rig.onPrimary(otherWithdraws)
    await client.query(begin)
    expect(await read()).toEqual([100, 100])
    expect(await errorOf(client.query(withdraw))).toMatchObject(refusal)
    await client.query('ROLLBACK')
  })

  it('refuses it while an older transaction that has written is open', async () => {
    const older = await rig.reader()
    await older.query('BEGIN')
    await older.query('UPDATE account SET balance = 0 WHERE id = 2')
    await rig.onPrimary(otherWithdraws)
    await rig.replicated()
    await client.query(begin)
    await read()
    await older.query('COMMIT')
    expect(await errorOf(client.query(withdraw))).toMatchObject(refusal)
    await client.query('ROLLBACK')
  })

  it.each([
    ['in a string with BEGIN', async (on: pg.Client) => on.query(`${begin}; ${balances}`)],
    [
      'at a default level',
      async (on: pg.Client) => {
        await on.query("SET default_transaction_isolation = 'repeatable read'")
        await on.query('BEGIN')
        await read(on)
      },
    ],
    [
      'at a level that is set within',
      async (on: pg.Client) => {
        await on.query('BEGIN')
        await on.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
        await on.query({ text: balances, values: [] })
      },
    ],
  ])('counts a read %s', async (_, begun) => {
    await begun(client)
    await rig.onPrimary(otherWithdraws)
    expect(await errorOf(client.query(withdraw))).toMatchObject(refusal)
    await client.query('ROLLBACK')
  })

  it('counts a read in a pipeline with BEGIN', async () => {
    const raw = await rig.raw({}, strict)
    await raw.ask([parse(begin), bind(), execute(), parse(balances), bind(), execute(), sync])
    await rig.onPrimary(otherWithdraws)
    expect(await raw.ask([parse(withdraw), bind(), execute(), sync])).toBe('E(40001) Z(E)')
    expect(await raw.ask([query('ROLLBACK')])).toBe('C Z(I)')
  })

  it('refuses nothing where nothing was read before, nothing has changed, or the level keeps no snapshot', async () => {
    await client.query(begin)
    await rig.onPrimary(otherWithdraws)
    await client.query(withdraw)
    expect(await read()).toEqual([40, 100])
    await client.query('COMMIT')
    await client.query(begin)
    await read()
    await client.query(withdraw)
    await client.query('COMMIT AND CHAIN')
    await rig.onPrimary(otherWithdraws)
    await client.query(withdraw)
    await client.query('COMMIT')
    await client.query('BEGIN')
    await read()
    await rig.onPrimary(otherWithdraws)
    await client.query(withdraw)
    await client.query('COMMIT')
    expect(await rig.onPrimary(balances)).toEqual([{ balance: -90 }, { balance: 100 }])
  })
})

describe('a snapshot that is kept is taken no sooner than the session’s own writes show', () => {
  const answered = (work: Promise<unknown>) => {
    const begun = { yet: false, work }
    void work.finally(() => (begun.yet = true))
    return begun
  }

  it.each<[string, string]>([
    ['PREPARE', `PREPARE it AS ${balances}`],
    ['a question about a function', 'SELECT own()'],
  ])('by %s', async (_, sql) => {
    await client.query(withdraw)
    await rig.replicated()
    await lag.pause()
    await client.query(withdraw)
    await client.query(begin)
    const begun = answered(client.query(sql).catch(() => undefined))
    await rig.somebodyWaits()
    expect(begun.yet).toBe(false)
    await lag.resume()
    await begun.work
    if (sql.startsWith('PREPARE')) expect(await read()).toEqual([80, 100])
    await client.query('ROLLBACK')
  })

  it('by Parse alone, as clients send it that ask for the types first', async () => {
    const raw = await rig.raw()
    await lag.pause()
    await raw.ask([query(withdraw)])
    await raw.ask([query(begin)])
    raw.send(parse(balances), sync)
    const begun = answered(raw.until('Z'))
    await rig.somebodyWaits()
    expect(begun.yet).toBe(false)
    await lag.resume()
    await begun.work
    expect(await raw.ask([bind(), execute(), sync])).toBe('2 D D C Z(T)')
    await raw.ask([query('ROLLBACK')])
  })

  it('by SET, which the emulator reads back', async () => {
    await lag.pause()
    await client.query(withdraw)
    await client.query(begin)
    await client.query("SET LOCAL statement_timeout = '50ms'")
    expect(await errorOf(read())).toMatchObject({ code: '57014' })
    await client.query('ROLLBACK')
    await client.query(begin)
    await client.query("SET LOCAL statement_timeout = '1min'")
    await lag.resume()
    expect(await read()).toEqual([90, 100])
    await client.query('ROLLBACK')
  })

  it('and may still be said to be of another level behind SET', async () => {
    await client.query('BEGIN')
    await client.query("SET LOCAL statement_timeout = '1min'")
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
    expect(await read()).toEqual([100, 100])
    await rig.onPrimary(otherWithdraws)
    await rig.replicated()
    expect(await read()).toEqual([100, 100])
    await client.query('COMMIT')
  })
})
