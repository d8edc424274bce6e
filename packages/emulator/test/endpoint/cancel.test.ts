import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect, it } from 'vitest'
import { bind, execute, parse, query, RawClient, shape, sync } from './raw-client.ts'
import { noItems, useRig } from './rig.ts'

const rig = useRig({ once: 'CREATE TABLE item (id int PRIMARY KEY, name text)', each: noItems })

const login = { user: 'postgres', database: 'postgres' }
const connect = (minor: number) => RawClient.connect(rig.endpoint, login, undefined, minor)

it.each([
  [0, 4],
  [1, 4],
  [2, 32],
])('is done with a key as long as PostgreSQL’s for protocol 3.%i: %i bytes', async (minor, length) => {
  const client = await connect(minor)
  expect(client.key.secret).toHaveLength(length)
  client.send(query('SELECT pg_sleep(600)'))
  while ((await rig.onStandby("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
  await client.cancel()
  expect(shape(await client.until('Z'))).toMatch(/E\(57014\) Z\(I\)$/)
  client.destroy()
})

it.each([
  ['one bit off', (secret: Buffer) => Buffer.from(secret.map((byte, at) => (at === 31 ? byte ^ 1 : byte)))],
  ['the beginning of it', (secret: Buffer) => secret.subarray(0, 31)],
  ['one byte more', (secret: Buffer) => Buffer.concat([secret, Buffer.alloc(1)])],
  ['the longest there can be', () => Buffer.alloc(256)],
])('is not done with another key: %s', async (_, change) => {
  const client = await connect(2)
  client.send(query('SELECT pg_sleep(0.2)'))
  const secret = client.key.secret
  client.key.secret = change(secret)
  await client.cancel()
  expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
  client.destroy()
})

it('that a server takes its time over ends no later statement', async () => {
  const [client, bystander] = await Promise.all([connect(0), connect(0)])
  const locker = new pg.Client({ ...rig.servers.primary, ...login })
  locker.on('error', () => undefined)
  await locker.connect()
  await locker.query('BEGIN; LOCK item IN ACCESS EXCLUSIVE MODE')
  // The standby hears of the lock with the next commit.
  await rig.onPrimary("SELECT pg_logical_emit_message(true, '', '')")
  const locked = "SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'item'::regclass"
  while ((await rig.onStandby(locked)).length === 0);
  client.send(query('SELECT * FROM item'))
  const blocked =
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'"
  while ((await rig.onStandby(blocked)).length === 0);
  // From here on nobody hears what is said to the standby's port, until it is woken.
  const [pid] = (await readFile(join(rig.servers.folder, 'standby', 'postmaster.pid'), 'utf8')).split('\n')
  process.kill(Number(pid), 'SIGSTOP')
  try {
    const cancelled = client.cancel()
    // When the others have had their turns, the cancel is on its way to the server.
    for (let turn = 0; turn < 20; turn++) await bystander.ask([query('SELECT 1')])
    await locker.query('COMMIT')
    expect(shape(await client.until('Z'))).toBe('T C Z(I)')
    client.send(query('SELECT pg_sleep(0.5)'))
    process.kill(Number(pid), 'SIGCONT')
    await cancelled
    expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
  } finally {
    process.kill(Number(pid), 'SIGCONT')
    await locker.end()
  }
  client.destroy()
  bystander.destroy()
})

it('in the middle of a session’s life never harms what the emulator itself asks of a server', async () => {
  const client = await connect(0)
  for (let round = 0; round < 100; round++) {
    await client.ask([query('BEGIN')])
    client.send(query(`SET LOCAL app.round = '${round}'; INSERT INTO item VALUES (${round})`))
    const [answers] = await Promise.all([client.until('Z'), client.cancel()])
    const outcome = shape(answers)
    expect(outcome).toMatch(/^(C C Z\(T\)|(C )?E\(57014\) Z\(E\))$/)
    if (outcome.endsWith('Z(T)')) {
      expect(await client.ask([query("SELECT 1 / (current_setting('app.round') <> '')::int")])).toBe(
        'T D C Z(T)',
      )
      expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
      expect(await client.ask([query(`SELECT FROM item WHERE id = ${round}`)])).toBe('T D C Z(I)')
    } else expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
  }
  client.destroy()
})

it('ends the opening of a session on the writer, whatever is repeated there', async () => {
  const [client, locker] = [await connect(0), await rig.raw({}, rig.servers.primary)]
  await locker.ask([query('SELECT pg_advisory_lock(1)')])
  await client.ask([query("SELECT set_config('app.a', pg_advisory_xact_lock(1)::text, false)")])
  client.send(query('INSERT INTO item VALUES (1)'))
  while ((await rig.onPrimary("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'")).length === 0);
  await client.cancel()
  expect(shape(await client.until('Z'))).toBe('E(57014) Z(I)')
  await locker.ask([query('SELECT pg_advisory_unlock(1)')])
  expect(await client.ask([query('INSERT INTO item VALUES (2)')])).toBe('C Z(I)')
  expect(await rig.onPrimary('SELECT id FROM item')).toEqual([{ id: 2 }])
  client.destroy()
})

it.each([
  ['a query', () => [query('INSERT INTO item VALUES (1)')]],
  ['extended messages', () => [parse('INSERT INTO item VALUES (1)'), bind(), execute(), sync]],
])('ends %s before it is sent, while its transaction is on its way to the writer', async (_, write) => {
  const client = await connect(0)
  const locker = new pg.Client({ ...rig.servers.primary, ...login })
  await locker.connect()
  await locker.query('SELECT pg_advisory_lock(1)')
  await client.ask([query('BEGIN')])
  // The writer is made to repeat it, and waits.
  await client.ask([query("SELECT set_config('app.a', pg_advisory_xact_lock(1)::text, true)")])
  client.send(...write())
  while ((await rig.onPrimary("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'")).length === 0);
  await client.cancel()
  await locker.end()
  expect(shape(await client.until('Z'))).toBe('E(57014) Z(E)')
  expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
  expect(await client.ask([query('SELECT FROM item')])).toBe('T C Z(I)')
  expect(await client.ask([query('INSERT INTO item VALUES (1)')])).toBe('C Z(I)')
  client.destroy()
})
