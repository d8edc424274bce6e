import { afterEach, expect, it } from 'vitest'
import { noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: 'CREATE TABLE item (id serial)', each: noItems })
// A test that fails while replay is paused shall not hold up those after it.
afterEach(() => rig.onStandby('SELECT pg_wal_replay_resume()'))

const count = 'SELECT count(*)::int AS n FROM item'
const write = 'INSERT INTO item DEFAULT VALUES'
const asked = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'forwarding-reader'"

/** Runs something while the standby replays nothing. */
async function paused(work: () => Promise<void>): Promise<void> {
  await rig.onStandby('SELECT pg_wal_replay_pause()')
  while ((await rig.onStandby("SELECT 1 WHERE pg_get_wal_replay_pause_state() = 'paused'")).length === 0);
  try {
    await work()
  } finally {
    await rig.onStandby('SELECT pg_wal_replay_resume()')
  }
}

it('waits with a session’s read until the standby shows its own write', async () => {
  const client = await rig.reader()
  let answered = false
  let reading: Promise<unknown> | undefined
  await paused(async () => {
    await client.query(write)
    reading = client.query(count).then(({ rows }) => {
      answered = true
      return rows
    })
    while ((await rig.onStandby(asked)).length === 0);
    expect(answered).toBe(false)
    expect(await rig.onStandby(count)).toEqual([{ n: 0 }])
  })
  expect(await reading).toEqual([{ n: 1 }])
})

it('waits with EXECUTE as with what it executes', async () => {
  const client = await rig.reader()
  await client.query(`PREPARE counted AS ${count}`)
  await rig.onStandby('SELECT pg_wal_replay_pause()')
  await client.query(write)
  const reading = client.query('EXECUTE counted')
  await rig.somebodyWaits()
  await rig.onStandby('SELECT pg_wal_replay_resume()')
  expect((await reading).rows).toEqual([{ n: 1 }])
})

it('lets a session read without waiting for what others write', async () => {
  const [own, other] = [await rig.reader(), await rig.reader()]
  await own.query(write)
  await rig.replicated()
  await paused(async () => {
    await other.query(write)
    expect((await own.query(count)).rows).toEqual([{ n: 1 }])
  })
})

it('needs no wait inside a transaction that has moved, and none for statements that show no rows', async () => {
  const client = await rig.reader()
  await paused(async () => {
    await client.query('BEGIN')
    await client.query(write)
    expect((await client.query(count)).rows).toEqual([{ n: 1 }])
    await client.query('COMMIT')
    await client.query("SET application_name = 'no wait'")
    await client.query('BEGIN')
    await client.query(write)
    expect((await client.query(count)).rows).toEqual([{ n: 2 }])
    await client.query('ROLLBACK')
  })
})

it('waits in the extended protocol and inside a read-only transaction too', async () => {
  const client = await rig.reader()
  for (let n = 1; n <= 20; n++) {
    await client.query({ name: 'write', text: write, values: [] })
    await client.query('BEGIN READ ONLY')
    expect((await client.query({ name: 'count', text: count, values: [] })).rows).toEqual([{ n }])
    await client.query('COMMIT')
  }
})

it('holds for commits that are not flushed when they are answered', async () => {
  const client = await rig.reader()
  await client.query('SET synchronous_commit = off')
  for (let n = 1; n <= 20; n++) {
    await client.query(write)
    expect((await client.query(count)).rows).toEqual([{ n }])
  }
})

it('does not ask again for what the standby is known to show, however the session writes dates', async () => {
  const client = await rig.reader({ options: '-c TimeZone=Asia/Tokyo -c DateStyle=German' })
  await client.query(write)
  expect((await client.query(count)).rows).toEqual([{ n: 1 }])
  const last = () =>
    rig.onStandby(
      "SELECT query_start::text FROM pg_stat_activity WHERE application_name = 'forwarding-reader'",
    )
  const before = await last()
  expect((await client.query(count)).rows).toEqual([{ n: 1 }])
  expect(before).toHaveLength(1)
  expect(await last()).toEqual(before)
})

it('asks the standby only while somebody waits, and survives losing the session that asks', async () => {
  const client = await rig.reader()
  await client.query(write)
  await client.query(count)
  await rig.onStandby(
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'forwarding-reader'",
  )
  await client.query(write)
  expect((await client.query(count)).rows).toEqual([{ n: 2 }])
})
