import { afterEach, describe, expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import { errorIn, query, shape } from '../endpoint/raw-client.ts'
import { errorOf, itemTable, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: noItems })
afterEach(() => rig.endpoint.faults.heal())

const ids = async () => (await rig.onPrimary('SELECT id FROM item ORDER BY id')).map(({ id }) => id)
const write = (id: number) => `INSERT INTO item VALUES (${id})`
const { cut, heal } = {
  cut: () => rig.endpoint.faults.cutNetwork(),
  heal: () => rig.endpoint.faults.healNetwork(),
}

describe('while the network to the writer is cut', () => {
  it('reads go on, of what the standby had, and nothing reaches it', async () => {
    const client = await rig.raw()
    await client.ask([query(write(1))])
    await client.ask([query('SELECT FROM item')])
    await cut()
    expect(rig.endpoint.faults.lasting).toEqual(['cut-network'])
    await rig.onPrimary(write(2))
    expect(await rig.onStandby('SELECT 1 FROM pg_stat_wal_receiver WHERE pid IS NOT NULL')).toEqual([])
    expect(await client.ask([query('SELECT FROM item')])).toBe('T D C Z(I)')
    expect(await rig.onStandby('SELECT id FROM item')).toEqual([{ id: 1 }])
    await heal()
    await rig.replicated()
    expect(await rig.onStandby('SELECT id FROM item')).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('a statement waits, and ends with its true answer when the network is whole', async () => {
    const client = await rig.raw()
    await client.ask([query(write(1))])
    await cut()
    client.send(query(write(2)))
    const [bystander] = [await rig.raw()]
    expect(await bystander.ask([query('SELECT 1')])).toBe('T D C Z(I)')
    expect(await ids()).toEqual([1])
    await heal()
    expect(shape(await client.until('Z'))).toBe('C Z(I)')
    expect(await ids()).toEqual([1, 2])
  })

  it('an answer that was under way comes when the network is whole', async () => {
    const client = await rig.raw()
    await client.ask([query(write(1))])
    client.send(query('INSERT INTO item SELECT 2 FROM pg_sleep(0.3)'))
    while ((await rig.onPrimary("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
    await cut()
    while ((await ids()).length < 2);
    await heal()
    expect(shape(await client.until('Z'))).toBe('C Z(I)')
  })

  it('a cancel ends the wait: unknown where it may commit, and the writer’s locks stay until it hears of it', async () => {
    const [commits, inTransaction] = [await rig.raw(), await rig.raw({ application_name: 'held' })]
    await commits.ask([query(write(1))])
    await inTransaction.ask([query('BEGIN')])
    await inTransaction.ask([query(write(2))])
    await cut()
    commits.send(query(write(3)))
    inTransaction.send(query(write(4)))
    // Each is answered only after its messages were taken in, which a cancel behind them finds waiting.
    expect(await commits.cancelled()).toBe('E(08007) Z(I)')
    expect(await inTransaction.cancelled()).toBe('E(08006) Z(E)')
    expect(await inTransaction.ask([query('ROLLBACK')])).toBe('C Z(I)')
    const held = "SELECT state FROM pg_stat_activity WHERE application_name = 'held'"
    expect(await rig.onPrimary(held)).toEqual([{ state: 'idle in transaction' }])
    await heal()
    while ((await rig.onPrimary(held)).length > 0);
    expect(await inTransaction.ask([query(write(5))])).toBe('C Z(I)')
  })

  it('a new forwarded session gives up after connect_timeout, or when it is cancelled', async () => {
    const client = await rig.raw()
    await client.ask([query("SET apg_write_forward.connect_timeout = '1s'")])
    await cut()
    expect(await client.ask([query(write(1))])).toBe('E(08001) Z(I)')
    await client.ask([query('SET apg_write_forward.connect_timeout = 0')])
    client.send(query(write(1)))
    expect(await client.cancelled()).toBe('E(57014) Z(I)')
    client.send(query(write(1)))
    await heal()
    expect(shape(await client.until('Z'))).toBe('C Z(I)')
    expect(await ids()).toEqual([1])
  })

  it('a new forwarded session that freezes before it is as the client has set it can be given up, and gives up itself', async () => {
    const [client, locker] = [await rig.raw(), await rig.raw({}, rig.servers.primary)]
    await locker.ask([query('SELECT pg_advisory_lock(1)')])
    // The writer is made to repeat it, and waits.
    await client.ask([query("SELECT set_config('app.a', pg_advisory_xact_lock(1)::text, false)")])
    const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"
    client.send(query(write(1)))
    while ((await rig.onPrimary(waits)).length === 0);
    await cut()
    expect(await client.cancelled()).toBe('E(57014) Z(I)')
    await heal()
    await locker.ask([query('SELECT pg_advisory_unlock(1)')])
    while ((await rig.onPrimary(waits)).length > 0);

    await locker.ask([query('SELECT pg_advisory_lock(1)')])
    await client.ask([query("SET apg_write_forward.connect_timeout = '1s'")])
    client.send(query(write(2)))
    const answers = await client.until('Z')
    expect(shape(answers)).toBe('E(08001) Z(I)')
    expect(errorIn(answers)!.text).toContain('no answer within 1000 ms')
    await locker.ask([query('SELECT pg_advisory_unlock(1)')])
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
    expect(await ids()).toEqual([3])
  })

  it('a transaction that freezes on its way to the writer can be given up', async () => {
    const [client, locker] = [await rig.raw(), await rig.raw({}, rig.servers.primary)]
    await client.ask([query(write(1))])
    await locker.ask([query('SELECT pg_advisory_lock(1)')])
    await client.ask([query('BEGIN')])
    await client.ask([query("SELECT set_config('app.a', pg_advisory_xact_lock(1)::text, true)")])
    client.send(query(write(2)))
    const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"
    while ((await rig.onPrimary(waits)).length === 0);
    await cut()
    expect(await client.cancelled()).toBe('E(57014) Z(E)')
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    await heal()
    await locker.ask([query('SELECT pg_advisory_unlock(1)')])
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
    expect(await ids()).toEqual([1, 3])
  })

  it('a client that leaves amid a statement is let go when the network is whole, and nothing of it stays', async () => {
    const client = await rig.raw({ application_name: 'leaves' })
    await client.ask([query('BEGIN')])
    await client.ask([query(write(1))])
    await cut()
    client.send(query(write(2)))
    client.destroy()
    const there = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'leaves'"
    expect(await rig.onPrimary(there)).toHaveLength(1)
    await heal()
    while ((await rig.onPrimary(there)).length > 0 || (await rig.onStandby(there)).length > 0);
    expect(await ids()).toEqual([])
  })

  it('a client that leaves between statements is let go at once, and by the writer when the network is whole', async () => {
    const client = await rig.raw({ application_name: 'leaves' })
    await client.ask([query('BEGIN')])
    await client.ask([query(write(1))])
    await cut()
    client.destroy()
    const there = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'leaves'"
    while ((await rig.onStandby(there)).length > 0);
    expect(await rig.onPrimary(there)).toHaveLength(1)
    await heal()
    while ((await rig.onPrimary(there)).length > 0);
    expect(await ids()).toEqual([])
  })

  it('nothing reaches a standby either that is held back, and everything once both are over', async () => {
    const lag = new ReplayLag(rig.servers)
    for (const [n, hold] of [() => lag.pause(), () => lag.set(60_000)].entries()) {
      await hold()
      await rig.onPrimary(write(n))
      await cut()
      await rig.onPrimary(write(10 + n))
      expect(
        await rig.onStandby("SELECT 1 FROM pg_stat_activity WHERE backend_type = 'walreceiver'"),
      ).toEqual([])
      await heal()
      await lag.end()
      await lag.caughtUp()
      expect(await rig.onStandby('SELECT count(*)::int AS n FROM item')).toEqual([{ n: 2 * n + 2 }])
    }
  })

  it('a switchover is refused', async () => {
    await cut()
    await expect(rig.endpoint.faults.switchover()).rejects.toMatchObject({ code: 'EMULATOR_FAULT' })
  })

  it('a global read waits, and can be cancelled', async () => {
    const client = await rig.raw()
    await client.ask([query("SET apg_write_forward.consistency_mode = 'global'")])
    await client.ask([query('SELECT 1 FROM item')])
    await cut()
    client.send(query('SELECT FROM item'))
    expect(await client.cancelled()).toBe('E(57014) Z(I)')
  })

  it('the endpoint can be stopped', async () => {
    const endpoint = await rig.endpointWith({})
    const client = await rig.reader({ port: endpoint.port, application_name: 'stopped' })
    await client.query(write(1))
    await endpoint.faults.cutNetwork()
    const asked = errorOf(client.query(write(2)))
    await endpoint.stop()
    expect((await asked).code).toBe('57P01')
    await endpoint.faults.healNetwork()
    while (
      (await rig.onPrimary("SELECT 1 FROM pg_stat_activity WHERE application_name = 'stopped'")).length > 0
    );
  })
})
