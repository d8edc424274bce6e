import { afterEach, describe, expect, it } from 'vitest'
import type { Faults } from '../../src/faults/faults.ts'
import { query, shape, type RawClient } from '../endpoint/raw-client.ts'
import { errorOf, itemTable, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: noItems })
afterEach(() => rig.endpoint.faults.heal())

const ids = async () => (await rig.onPrimary('SELECT id FROM item ORDER BY id')).map(({ id }) => id)
const write = (id: number) => `INSERT INTO item VALUES (${id})`

describe('forwarding slots', () => {
  it('run out at the share of max_connections that is set, and are freed when a session ends', async () => {
    // 1 of 100 of 200 connections: two sessions.
    const endpoint = await rig.endpointWith({ maxForwardingConnectionsPercent: 1 })
    const [one, two, three] = [1, 2, 3].map(() => rig.reader({ port: endpoint.port }))
    await (await one!).query(write(1))
    await (await two!).query(write(2))
    const error = await errorOf((await three!).query(write(3)))
    expect(error).toMatchObject({ code: '53300', message: expect.stringContaining('no slot of 2 left') })
    expect((await (await three!).query('SELECT 1 AS still')).rows).toEqual([{ still: 1 }])
    await (await one!).query(write(4))
    await (await one!).end()
    while ((await errorOf((await three!).query(write(3))).catch(() => undefined)) !== undefined);
    expect(await ids()).toEqual([1, 2, 3, 4])
  })

  it.each([
    ['restarts', 400, (faults: Faults) => faults.restartWriter()],
    ['crashes', 500, (faults: Faults) => faults.crashWriter()],
    ['is another server', 600, (faults: Faults) => faults.switchover()],
  ])('are counted anew when the writer %s', async (_, connections, fault) => {
    const { faults, port } = await rig.endpointWith({ maxForwardingConnectionsPercent: 1 })
    await (await rig.reader({ port })).query(write(0))
    const more = `ALTER SYSTEM SET max_connections = ${connections}`
    await rig.onStandby(more)
    await rig.onPrimary(more)
    // A standby must not have room for fewer than its primary.
    await faults.restartStandby()
    await fault(faults)
    const clients = await Promise.all(Array.from({ length: connections / 100 }, () => rig.reader({ port })))
    for (const [n, client] of clients.entries()) await client.query(write(n + 1))
    const error = await errorOf((await rig.reader({ port })).query(write(99)))
    expect(error.message).toContain(`no slot of ${clients.length} left`)
  })

  it('are exhausted on demand: sessions that have one go on', async () => {
    const [has, hasNot] = [await rig.raw(), await rig.raw()]
    await has.ask([query(write(1))])
    await rig.endpoint.faults.exhaustSlots()
    expect(rig.endpoint.faults.lasting).toEqual(['exhaust-slots'])
    expect(await has.ask([query(write(2))])).toBe('C Z(I)')
    expect(await hasNot.ask([query(write(3))])).toBe('E(53300) Z(I)')
    expect(await hasNot.ask([query('BEGIN')])).toBe('C Z(T)')
    expect(await hasNot.ask([query(write(3))])).toBe('E(53300) Z(E)')
    expect(await hasNot.ask([query('ROLLBACK')])).toBe('C Z(I)')
    await rig.endpoint.faults.releaseSlots()
    expect(await hasNot.ask([query(write(3))])).toBe('C Z(I)')
    expect(await ids()).toEqual([1, 2, 3])
  })

  it('have the SQLSTATE that is assumed', async () => {
    const assumptions = { 'slots-sqlstate': '53400' }
    const endpoint = await rig.endpointWith({ assumptions })
    await endpoint.faults.exhaustSlots()
    const client = await rig.reader({ port: endpoint.port })
    expect((await errorOf(client.query(write(1)))).code).toBe('53400')
  })
})

describe('an idle session on the writer', () => {
  const set = (client: RawClient, name: string, value: string) =>
    client.ask([query(`SET apg_write_forward.${name} = '${value}'`)])
  /** Resolves once no session of that name is left on the primary. */
  const gone = async (name: string) => {
    while (
      (await rig.onPrimary('SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [name])).length > 0
    );
  }

  it('is closed after idle_session_timeout, and silently opened again with all it had', async () => {
    const client = await rig.raw({ application_name: 'idles' })
    await client.ask([query("SET work_mem = '777kB'")])
    await set(client, 'idle_session_timeout', '50ms')
    await client.ask([query(write(1))])
    await gone('idles')
    expect(await client.ask([query("INSERT INTO item VALUES (2, current_setting('work_mem'))")])).toBe(
      'C Z(I)',
    )
    expect(await rig.onPrimary('SELECT name FROM item WHERE id = 2')).toEqual([{ name: '777kB' }])
  })

  it('is closed in a transaction after idle_in_transaction_session_timeout, which fails', async () => {
    const client = await rig.raw({ application_name: 'idles' })
    await set(client, 'idle_in_transaction_session_timeout', '50ms')
    await client.ask([query('BEGIN')])
    await client.ask([query(write(1))])
    await gone('idles')
    expect(await client.ask([query('COMMIT')])).toBe('E(25P03) Z(E)')
    expect(await client.ask([query('SELECT 1')])).toBe('E(25P02) Z(E)')
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    expect(await client.ask([query(write(2))])).toBe('C Z(I)')
    expect(await ids()).toEqual([2])
  })

  it('says nothing of a session that the writer has ended before', async () => {
    const [lost, later] = [await rig.raw(), await rig.raw({ application_name: 'later' })]
    const begin = async (client: RawClient) => {
      await set(client, 'idle_in_transaction_session_timeout', '1s')
      await client.ask([query('BEGIN')])
      await client.ask([query(write(1))])
    }
    await begin(lost)
    await rig.endpoint.faults.killForwardedSessions()
    await begin(later)
    // The clock that was set first has rung by then.
    await gone('later')
    expect(await lost.ask([query('COMMIT')])).toBe('E(57P01) Z(E)')
    expect(await later.ask([query('COMMIT')])).toBe('E(25P03) Z(E)')
  })

  it('stays idle whatever the client reads on the standby', async () => {
    const client = await rig.raw({ application_name: 'reads' })
    await set(client, 'idle_session_timeout', '500ms')
    await client.ask([query(write(1))])
    const open = async () =>
      (await rig.onPrimary("SELECT 1 FROM pg_stat_activity WHERE application_name = 'reads'")).length > 0
    while (await open()) expect(await client.ask([query('SHOW work_mem')])).toBe('T D C Z(I)')
    expect(await client.ask([query(write(2))])).toBe('C Z(I)')
  })

  it('is not closed while a statement runs', async () => {
    const client = await rig.raw({ application_name: 'idles' })
    await set(client, 'idle_session_timeout', '20ms')
    await client.ask([query(write(1))])
    expect(await client.ask([query('INSERT INTO item SELECT 2 FROM pg_sleep(0.2)')])).toBe('C Z(I)')
    expect(await ids()).toEqual([1, 2])
  })

  it('ends the client’s session where the client’s own PostgreSQL timeout strikes', async () => {
    const client = await rig.raw({ application_name: 'idles' })
    await client.ask([query("SET idle_in_transaction_session_timeout = '50ms'")])
    // In one string, so that the transaction is not idle on the standby first, where the timeout holds as well.
    client.send(query(`BEGIN; ${write(1)}`))
    // Where the machine is busy, both of the writer's messages come at once, and nobody is told any more that it is his turn.
    expect(shape(await client.ended())).toMatch(/^C C (Z\(T\) )?E\(25P03\)$/)
    expect(await ids()).toEqual([])
  })
})
