import { afterEach, beforeAll, expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import { noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: 'CREATE TABLE item (id serial)', each: noItems })
let lag: ReplayLag

beforeAll(() => {
  lag = new ReplayLag(rig.servers)
})
afterEach(() => lag.end())

const write = 'INSERT INTO item DEFAULT VALUES'
const long = 60_000

async function shown(): Promise<number> {
  return (await rig.onStandby('SELECT count(*)::int AS n FROM item'))[0].n
}

/** The standby has the commit, and waits before it shows it. */
async function heldBack(): Promise<void> {
  const [{ lsn }] = await rig.onPrimary('SELECT pg_current_wal_flush_lsn()::text AS lsn')
  const received = 'SELECT pg_last_wal_receive_lsn() >= $1::pg_lsn AS done'
  while (!(await rig.onStandby(received, [lsn]))[0].done);
}

it('holds a commit back for as long as it is told, and shows it at once when it is told otherwise', async () => {
  await lag.set(long)
  await rig.onPrimary(write)
  await heldBack()
  expect(await shown()).toBe(0)
  await lag.set(0)
  await lag.caughtUp()
  expect(await shown()).toBe(1)
})

it('pauses while a commit is held back, without showing it', async () => {
  await lag.set(long)
  await rig.onPrimary(write)
  await heldBack()
  await lag.pause()
  expect(await shown()).toBe(0)
  await lag.set(0)
  expect(await shown()).toBe(0)
  await lag.resume()
  await lag.caughtUp()
  expect(await shown()).toBe(1)
})

it('may be paused and resumed twice, and refuses to wait for what cannot come', async () => {
  await lag.resume()
  await lag.pause()
  await lag.pause()
  await rig.onPrimary(write)
  await expect(lag.caughtUp()).rejects.toMatchObject({ code: 'EMULATOR_LAG' })
  expect(await shown()).toBe(0)
  await lag.resume()
  await lag.resume()
  await lag.caughtUp()
  expect(await shown()).toBe(1)
})

it('lasts through a restart of the standby, and goes over to the other server at a switchover', async () => {
  await lag.pause()
  await rig.servers.control!.restart('standby')
  await rig.onPrimary(write)
  await heldBack()
  expect(await shown()).toBe(0)
  await lag.resume()
  await lag.set(long)
  await lag.set(0)
  await lag.caughtUp()
  expect(await shown()).toBe(1)
  await rig.servers.control!.switchover(() => undefined)
  await lag.pause()
  await rig.onPrimary(write)
  await heldBack()
  expect(await shown()).toBe(1)
  await lag.resume()
  await lag.caughtUp()
  expect(await shown()).toBe(2)
})
