import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { framed } from '../../src/wire/build.ts'
import { frontend } from '../../src/wire/message-types.ts'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import { bind, errorIn, execute, flush, parse, query, RawClient, shape, sync } from './raw-client.ts'
import { errorOf, itemTable, noItems, useRig } from './rig.ts'

const rig = useRig({
  once: `${itemTable}; CREATE TABLE other (LIKE item);
    CREATE FUNCTION public.lower(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  each: `${noItems}; TRUNCATE other`,
})

describe('a server that goes', () => {
  const kill = (where: 'onPrimary' | 'onStandby', name: string) =>
    rig[where]('SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = $1', [
      name,
    ])

  it('is reopened at the next write when the primary’s session ended idle', async () => {
    const client = await rig.reader({ application_name: 'idle' })
    await client.query('SET work_mem = 777')
    await client.query('INSERT INTO item VALUES (1)')
    await client.query('SELECT * FROM item')
    await kill('onPrimary', 'idle')
    await client.query("INSERT INTO item VALUES (2, current_setting('work_mem'))")
    expect((await client.query('SELECT * FROM item')).rows.at(-1)).toEqual({ id: 2, name: '777kB' })
  })

  it('fails the transaction that it held, until ROLLBACK', async () => {
    const client = await rig.reader({ application_name: 'held' })
    await client.query('BEGIN')
    await client.query('INSERT INTO item VALUES (1)')
    await kill('onPrimary', 'held')
    expect(await errorOf(client.query('COMMIT'))).toMatchObject({ code: '57P01', severity: 'ERROR' })
    expect((await errorOf(client.query('SELECT 1'))).code).toBe('25P02')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
    await client.query('INSERT INTO item VALUES (2)')
    expect((await client.query('SELECT id FROM item')).rows).toEqual([{ id: 2 }])
    expect(rig.endpoint.crossings().transactions.map(({ outcome }) => outcome)).toEqual([
      'rolled-back',
      'committed',
    ])
  })

  it('fails the transaction in the extended protocol too, and spares a ROLLBACK the news', async () => {
    const client = await rig.raw({ application_name: 'held' })
    for (const first of [[parse('SELECT 1'), bind(), execute(), sync], [query('ROLLBACK')]]) {
      await client.ask([query('BEGIN')])
      await client.ask([query('INSERT INTO item VALUES (1)')])
      await kill('onPrimary', 'held')
      const answer = await client.ask(first)
      expect(answer).toBe(first.length > 1 ? 'E(57P01) Z(E)' : 'C Z(I)')
      if (first.length > 1) expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    }
  })

  it('fails the statement that it ran', async () => {
    const client = await rig.raw({ application_name: 'ran' })
    await client.ask([query('BEGIN')])
    client.send(query('INSERT INTO item SELECT 1 FROM pg_sleep(600)'))
    while ((await rig.onPrimary("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
    await kill('onPrimary', 'ran')
    expect(shape(await client.until('Z'))).toBe('E(57P01) Z(E)')
    expect(await client.ask([query('SELECT 1')])).toBe('E(25P02) Z(E)')
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
  })

  it('ends the session when it is the standby', async () => {
    const client = await rig.raw({ application_name: 'reads' })
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO item VALUES (1)')])
    await kill('onStandby', 'reads')
    expect(errorIn(await client.ended())?.sqlstate).toBe('57P01')
    const busy = await rig.raw({ application_name: 'reads' })
    await busy.ask([query('BEGIN')])
    busy.send(query('SELECT pg_sleep(600)'))
    while ((await rig.onStandby("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
    await kill('onStandby', 'reads')
    expect(shape(await busy.ended())).toBe('T E(57P01)')
    const other = await rig.reader()
    await other.query('INSERT INTO item VALUES (1)')
  })

  it('ends the session when it is the standby, behind the answer of the writer that was still to come', async () => {
    const [client, locker] = [
      await rig.raw({ application_name: 'waits' }),
      new pg.Client({ ...rig.servers.primary, user: 'postgres' }),
    ]
    await locker.connect()
    await locker.query('BEGIN; LOCK item')
    client.send(query('INSERT INTO item VALUES (1)'))
    while ((await rig.onPrimary("SELECT FROM pg_stat_activity WHERE wait_event = 'relation'")).length === 0);
    await kill('onStandby', 'waits')
    await locker.query('COMMIT')
    await locker.end()
    expect(shape(await client.ended())).toBe('C Z(I) E(57P01)')
    expect(await rig.onPrimary('SELECT id FROM item')).toEqual([{ id: 1 }])
  })

  it('is named where the writer cannot be reached, and reads go on', async () => {
    const endpoint = await rig.endpointWith({
      servers: { ...rig.servers, primary: { host: '127.0.0.1', port: 1 } },
    })
    const client = await RawClient.connect(endpoint, { user: 'postgres' })
    client.send(query('INSERT INTO item VALUES (1)'))
    const { sqlstate, text } = errorIn(await client.until('Z'))!
    expect(sqlstate).toBe('08001')
    expect(text).toContain('writer at 127.0.0.1:1')
    await client.ask([query('BEGIN')])
    expect(await client.ask([parse('INSERT INTO item VALUES (1)'), bind(), execute(), sync])).toBe(
      'E(08001) Z(E)',
    )
    expect(await client.ask([query('SELECT 1')])).toBe('E(25P02) Z(E)')
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
    client.destroy()
  })

  it('refuses the session by name where the standby cannot be reached', async () => {
    const nowhere = { host: '127.0.0.1', port: 1 }
    const endpoint = await rig.endpointWith({
      servers: { ...rig.servers, primary: nowhere, standby: nowhere },
    })
    const client = new RawClient(endpoint)
    client.send(startupMessage(new Map([['user', 'postgres']])))
    const { sqlstate, text } = errorIn(await client.ended())!
    expect(sqlstate).toBe('08006')
    expect(text).toContain('127.0.0.1:1')
  })
})

describe('a session on the writer that is lost while the reader asks it what a name means', () => {
  const write = "INSERT INTO other VALUES (2, lower('A'))"

  it.each([
    ['a simple query', [query(write)]],
    ['extended messages', [parse(write), bind(), execute(), sync]],
    ['a string that commits', [query(`${write}; COMMIT`)]],
    ['a batch that commits', [parse(write), bind(), execute(), parse('COMMIT'), bind(), execute(), sync]],
  ])('takes its transaction along, and nothing runs as if there had been none: %s', async (_, messages) => {
    const [client, locker] = [await rig.raw(), await rig.raw({}, rig.servers.primary)]
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO item VALUES (1)')])
    await locker.ask([query('BEGIN; LOCK other IN ACCESS EXCLUSIVE MODE')])
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    client.send(...messages)
    while (
      (await rig.onPrimary("SELECT FROM pg_locks WHERE NOT granted AND relation = 'other'::regclass"))
        .length === 0
    );
    await rig.endpoint.faults.killForwardedSessions()
    await locker.ask([query('COMMIT')])
    expect(shape(await client.until('Z'))).toBe('E(57P01) Z(E)')
    expect(await client.ask([query('SELECT 1')])).toBe('E(25P02) Z(E)')
    expect(shape(await (client.send(query('COMMIT')), client.until('Z')))).toBe('C Z(I)')
    expect(rig.endpoint.crossings().transactions.map(({ outcome }) => outcome)).toEqual(['rolled-back'])
    expect(await rig.onPrimary('SELECT id FROM item UNION ALL SELECT id FROM other')).toEqual([])
    // What was never sent was no commit.
    expect(await client.ask([query(write)])).toBe('E(08007) Z(I)')
  })
})

describe('an idle session on the writer, lost while the reader asks the standby what a name means', () => {
  const write = "INSERT INTO other VALUES (2, lower('A'))"

  /** Holds the table on the standby too; resolves once the client waits for it there. */
  async function heldUp(client: RawClient): Promise<RawClient> {
    const locker = await rig.raw({}, rig.servers.primary)
    await locker.ask([query('BEGIN; LOCK other IN ACCESS EXCLUSIVE MODE')])
    // The standby hears of the lock with the next commit.
    await rig.onPrimary("SELECT pg_logical_emit_message(true, '', '')")
    await rig.replicated()
    client.send(query(write))
    const waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'other'::regclass"
    while ((await rig.onStandby(waits)).length === 0);
    return locker
  }

  it('is opened anew for the transaction, and that one is not taken for lost', async () => {
    const client = await rig.raw()
    await client.ask([query('INSERT INTO item VALUES (1)')])
    await client.ask([query('BEGIN')])
    const locker = await heldUp(client)
    await rig.endpoint.faults.killForwardedSessions()
    await locker.ask([query('COMMIT')])
    expect(shape(await client.until('Z'))).toBe('C Z(T)')
    expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
    expect(await rig.onPrimary('SELECT id FROM other')).toEqual([{ id: 2 }])
  })

  it('is not left behind where the client has gone as well', async () => {
    const { sessions } = rig.endpoint.status()
    const client = await rig.raw({ application_name: 'gone' })
    const locker = await heldUp(client)
    // A client that only closes its side may still read; from this one it is clear.
    client.socket.resetAndDestroy()
    while (rig.endpoint.status().sessions > sessions) await rig.onPrimary('SELECT 1')
    const there = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'gone'"
    await locker.ask([query('COMMIT')])
    while ((await rig.onStandby(there)).length + (await rig.onPrimary(there)).length > 0);
    expect(await rig.onPrimary('SELECT id FROM other')).toEqual([])
  })
})

describe('a transaction that was lost', () => {
  it('hands nothing on to the one that is chained to it', async () => {
    const client = await rig.raw()
    await client.ask([query('BEGIN')])
    await client.ask([query('INSERT INTO item VALUES (1)')])
    await rig.endpoint.faults.killForwardedSessions()
    expect(await client.ask([query('SELECT 1')])).toBe('E(57P01) Z(E)')
    expect(await client.ask([query('ROLLBACK AND CHAIN')])).toBe('C Z(T)')
    expect(await client.ask([query('INSERT INTO item VALUES (2)')])).toBe('C Z(T)')
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    expect(await rig.onPrimary('SELECT id FROM item')).toEqual([])
  })

  it('leaves nothing open on the standby either, where it had a portal', async () => {
    const client = await rig.raw()
    await client.ask([query('BEGIN')])
    await client.ask([parse('SELECT 1', 's'), bind([], 's', 'p'), sync])
    await client.ask([query('INSERT INTO item VALUES (1)')])
    await rig.endpoint.faults.loseNextCommitAnswer({ applied: true })
    expect(await client.ask([query('COMMIT')])).toBe('E(08007) Z(I)')
    expect(await client.ask([query('SELECT 1')])).toBe('T D C Z(I)')
  })
})

it('a portal is gone with the session that it was opened on', async () => {
  const client = await rig.raw()
  await client.ask([query('BEGIN')])
  await client.ask([query('INSERT INTO item VALUES (1)')])
  await client.ask([parse('SELECT 1', 's'), bind([], 's', 'p'), sync])
  await rig.endpoint.faults.killForwardedSessions()
  expect(await client.ask([execute(0, 'p'), sync])).toBe('E(57P01) Z(E)')
  expect(await client.ask([execute(0, 'p'), sync])).toBe('E(34000) Z(E)')
  expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
})

describe('extended messages without their Sync, on a session that is lost', () => {
  const write = parse('INSERT INTO item VALUES (1)')
  const closePortal = framed(frontend.close, Buffer.from('P\0'))

  it.each([
    [
      'are told so where they have left nothing but their work',
      [write, bind(), execute(), closePortal, flush],
      '3',
    ],
    ['are told so where they have left nothing but a portal', [write, bind(), flush], '2'],
  ])('%s', async (_, messages, last) => {
    const client = await rig.raw()
    await client.ask([...messages], last)
    await rig.endpoint.faults.killForwardedSessions()
    client.send(execute(), sync)
    expect(shape(await client.until('Z'))).toBe('E(57P01) Z(I)')
    expect(await rig.onPrimary('SELECT FROM item')).toEqual([])
    expect(await client.ask([execute(), sync])).toBe('E(34000) Z(I)')
    expect(await client.ask([query('INSERT INTO item VALUES (1)')])).toBe('C Z(I)')
    expect(rig.endpoint.crossings().transactions.at(-1)).toMatchObject({
      statements: ['INSERT INTO item VALUES (1)'],
      outcome: 'committed',
    })
    // Of a session with nothing open nobody has to be told.
    await rig.endpoint.faults.killForwardedSessions()
    expect(await client.ask([query('SELECT FROM item')])).toBe('T D C Z(I)')
  })
})
