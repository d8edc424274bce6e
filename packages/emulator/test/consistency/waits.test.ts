import type pg from 'pg'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import { bind, errorIn, execute, flush, parse, query, shape, sync } from '../endpoint/raw-client.ts'
import { framed } from '../../src/wire/build.ts'
import { frontend } from '../../src/wire/message-types.ts'
import { errorOf, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({
  once: `CREATE TABLE item (id serial); CREATE TABLE other ();
    CREATE PROCEDURE add() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO item DEFAULT VALUES; COMMIT; END $$`,
  each: noItems,
})
let lag: ReplayLag

beforeAll(() => {
  lag = new ReplayLag(rig.servers)
})
afterEach(() => lag.end())

const count = 'SELECT count(*)::int AS n FROM item'
const write = 'INSERT INTO item DEFAULT VALUES'
const mode = (each: string) => `SET apg_write_forward.consistency_mode = '${each}'`

/** Ends the sessions by which readers ask the primary how far it is. */
const endAsking =
  "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'forwarding-reader'"

async function read(client: pg.Client): Promise<number> {
  return (await client.query(count)).rows[0].n
}

describe('a read that waits for what its own transaction holds up', () => {
  it('ends as a deadlock under global consistency, and all goes on', async () => {
    const client = await rig.reader()
    await client.query(mode('global'))
    await client.query('BEGIN')
    await read(client)
    await rig.onPrimary('ALTER TABLE item ADD COLUMN later int')
    expect(await errorOf(read(client))).toMatchObject({
      code: '40P01',
      message: 'deadlock detected',
      hint: 'Run the whole transaction again.',
    })
    expect(await errorOf(read(client))).toMatchObject({ code: '25P02' })
    await client.query('ROLLBACK')
    expect((await client.query('SELECT later FROM item')).rows).toEqual([])
    await rig.onPrimary('ALTER TABLE item DROP COLUMN later')
  })

  it('ends so under session consistency as well, where the mode changed meanwhile', async () => {
    const allowed = await rig.endpointWith({ assumptions: { 'set-consistency-in-transaction': 'allowed' } })
    const client = await rig.reader({ port: allowed.port })
    await lag.pause()
    await rig.onPrimary('TRUNCATE item')
    await client.query(write)
    await client.query(mode('eventual'))
    await client.query('BEGIN')
    await client.query('SELECT FROM item')
    await client.query(mode('session'))
    const reading = errorOf(read(client))
    await rig.somebodyWaits()
    await lag.resume()
    expect(await reading).toMatchObject({ code: '40P01' })
    await client.query('ROLLBACK')
    expect(await read(client)).toBe(1)
  })

  it('goes on waiting where another session is in the way, until that one ends', async () => {
    const [client, inTheWay] = [await rig.reader(), await rig.reader()]
    await client.query(mode('global'))
    await inTheWay.query('BEGIN')
    await read(inTheWay)
    await client.query('BEGIN')
    await client.query('SELECT FROM other')
    await rig.onPrimary('TRUNCATE item')
    const reading = client.query('SELECT FROM other')
    const looksForLocks = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT holder.pid%'"
    while ((await rig.onStandby(`${looksForLocks} AND pid <> pg_backend_pid()`)).length === 0);
    await inTheWay.query('COMMIT')
    expect((await reading).rows).toEqual([])
    await client.query('COMMIT')
  })
})

describe('a wait ends', () => {
  it('with the client’s cancel request, and the session goes on', async () => {
    const client = await rig.raw()
    await lag.pause()
    for (const [messages, error] of [
      [[query(count)], 'E(57014) Z(I)'],
      [[parse(count), bind(), execute(), sync], 'E(57014) Z(I)'],
    ] as const) {
      await client.ask([query(write)])
      client.send(...messages)
      await rig.somebodyWaits()
      await client.cancel()
      expect(shape(await client.until('Z'))).toBe(error)
    }
    await lag.resume()
    expect(await client.ask([query(count)])).toBe('T D C Z(I)')
  })

  it('when the client has left before it began', async () => {
    const client = await rig.raw({ application_name: 'leaver' })
    await lag.pause()
    await client.ask([query(write)])
    client.send(query(count), framed(frontend.terminate))
    client.destroy()
    const there = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'leaver'"
    while ((await rig.onStandby(there)).length > 0);
  })

  it('when the client leaves, and so do its sessions on both servers', async () => {
    const client = await rig.raw({ application_name: 'leaver' })
    await lag.pause()
    await client.ask([query(write)])
    client.send(query(count))
    await rig.somebodyWaits()
    client.destroy()
    const there = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'leaver'"
    while ((await rig.onStandby(there)).length + (await rig.onPrimary(there)).length > 0);
  })
})

describe('what counts as the session’s own write', () => {
  it.each<[string, string[], number]>([
    ['COMMIT AND CHAIN', ['BEGIN', write, 'COMMIT AND CHAIN', 'COMMIT'], 1],
    [
      'ROLLBACK AND CHAIN behind what was committed',
      ['BEGIN', write, 'COMMIT AND CHAIN', write, 'ROLLBACK'],
      1,
    ],
    ['a string without BEGIN', [`${write}; ${write}`], 2],
    ['a string that commits and then fails', [`BEGIN; ${write}; COMMIT; SELECT 1/0`], 1],
  ])('%s', async (_, texts, n) => {
    const client = await rig.reader()
    await lag.pause()
    for (const text of texts) await client.query(text).catch(() => undefined)
    const reading = read(client)
    await rig.somebodyWaits()
    await lag.resume()
    expect(await reading).toBe(n)
  })

  it('a batch of extended messages without BEGIN', async () => {
    const client = await rig.raw()
    await lag.pause()
    await client.ask([parse(write), bind(), execute(), parse(write), bind(), execute(), sync])
    client.send(query(`SELECT FROM item`))
    await rig.somebodyWaits()
    await lag.resume()
    expect(shape(await client.until('Z'))).toBe('T D D C Z(I)')
  })

  it('a batch that was flushed before its Sync', async () => {
    const client = await rig.raw()
    await lag.pause()
    client.send(parse(write), bind(), execute(), flush)
    await client.until('C')
    client.send(sync)
    await client.until('Z')
    client.send(query(`SELECT FROM item`))
    await rig.somebodyWaits()
    await lag.resume()
    expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
  })

  it('what a procedure commits, where a profile forwards it', async () => {
    const forwarding = await rig.endpointWith({
      profile: {
        name: 'calls',
        extends: 'aws-local',
        verdicts: {
          'user-function': { verdict: 'forward', known: 'assumed' },
        },
      },
    })
    const client = await rig.reader({ port: forwarding.port })
    await lag.pause()
    await client.query('CALL add()')
    const reading = read(client)
    await rig.somebodyWaits()
    await lag.resume()
    expect(await reading).toBe(1)
  })
})

describe('under global consistency, without the primary', () => {
  const nowhere = { host: '127.0.0.1', port: 1 }

  it('a read fails with 08006 as long as nobody is there to ask, others go on, and it recovers', async () => {
    const servers = { ...rig.servers }
    const { port } = await rig.endpointWith({ servers })
    const [global, other] = [await rig.raw({}, { host: '127.0.0.1', port }), await rig.reader({ port })]
    await global.ask([query(mode('global'))])
    await other.query(write)
    expect(await global.ask([query(count)])).toBe('T D C Z(I)')

    servers.primary = nowhere
    await rig.onPrimary(endAsking)
    const extended = [parse(count), bind(), execute(), sync]
    for (let n = 0; n < 3; n++) {
      global.send(query(count))
      const answers = await global.until('Z')
      expect(shape(answers)).toBe('E(08006) Z(I)')
      expect(errorIn(answers)!.text).toMatch(
        /^the read could not be made consistent: .* 127\.0\.0\.1:1 was lost/,
      )
      expect(await global.ask(extended)).toBe('E(08006) Z(I)')
      expect(await read(other)).toBe(1)
    }
    expect(await global.ask([query('BEGIN')])).toBe('C Z(T)')
    expect(await global.ask([query(count)])).toBe('E(08006) Z(E)')
    expect(await global.ask([query(count)])).toBe('E(25P02) Z(E)')
    expect(await global.ask([query('ROLLBACK')])).toBe('C Z(I)')

    servers.primary = rig.servers.primary
    await rig.onPrimary(write)
    expect(await global.ask([query('SELECT FROM item')])).toBe('T D D C Z(I)')
  })

  it('a read asks on another session where the one that was kept has ended', async () => {
    const client = await rig.reader()
    await client.query(mode('global'))
    for (let n = 1; n <= 5; n++) {
      await rig.onPrimary(write)
      expect(await read(client)).toBe(n)
      await rig.onPrimary(endAsking)
    }
  })

  it('a read fails with 08006 or shows the truth while the primary restarts, and others go on', async () => {
    const [global, session] = [await rig.reader(), await rig.reader()]
    await global.query(mode('global'))
    expect(await read(global)).toBe(0)
    const restarted = rig.endpoint.faults.restartWriter()
    const meanwhile: (string | number)[] = []
    const over = { yet: false }
    void restarted.finally(() => (over.yet = true))
    while (!over.yet) {
      meanwhile.push(await read(global).catch((error: unknown) => (error as { code: string }).code))
      expect(await read(session)).toBe(0)
    }
    expect(meanwhile.filter((each) => each !== 0 && each !== '08006')).toEqual([])
    await rig.onPrimary(write)
    expect(await read(global)).toBe(1)
  })
})
