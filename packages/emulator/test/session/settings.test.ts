import type pg from 'pg'
import { beforeEach, expect, it } from 'vitest'
import { bind, execute, parse, sync } from '../endpoint/raw-client.ts'
import { useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: 'CREATE TABLE item (id serial, seen text)' })
let client: pg.Client
beforeEach(async () => {
  client = await rig.reader({ application_name: 'at start', options: '-c work_mem=5MB' })
})

const local = async (name: string) => Object.values((await client.query(`SHOW ${name}`)).rows[0])[0]
/** The setting as the primary's session of this client sees it. */
const remote = async (name: string) =>
  (await client.query('INSERT INTO item (seen) VALUES (current_setting($1, true)) RETURNING seen', [name]))
    .rows[0].seen

it('starts both sessions with what the client said at its start', async () => {
  expect([await local('application_name'), await remote('application_name')]).toEqual([
    'at start',
    'at start',
  ])
  expect([await local('work_mem'), await remote('work_mem')]).toEqual(['5MB', '5MB'])
})

it('repeats what was set before the primary’s session opened, the latest of each name', async () => {
  await client.query("SET application_name = 'first'")
  await client.query("SET application_name = 'second'")
  await client.query("SELECT set_config('app.user', $1, false)", ['42'])
  await client.query('SELECT set_config($1, $2, false)', ['app.tenant', 'a'])
  await client.query('SELECT set_config($1, $2, false)', ['app.region', 'b'])
  await client.query('RESET work_mem')
  await client.query("SET TIME ZONE 'Asia/Tokyo'")
  expect(await remote('application_name')).toBe('second')
  expect(await remote('app.user')).toBe('42')
  expect(await remote('app.tenant')).toBe('a')
  expect(await remote('app.region')).toBe('b')
  expect(await remote('work_mem')).toBe(await local('work_mem'))
  expect(await remote('TimeZone')).toBe('Asia/Tokyo')
})

it('sets on both servers while both are open', async () => {
  expect(await remote('application_name')).toBe('at start')
  await client.query("SET application_name = 'both'")
  expect([await local('application_name'), await remote('application_name')]).toEqual(['both', 'both'])
  await client.query({ text: "SET application_name = 'bound'", values: [] })
  expect([await local('application_name'), await remote('application_name')]).toEqual(['bound', 'bound'])
  await client.query('RESET ALL')
  expect([await local('application_name'), await remote('application_name')]).toEqual([
    'at start',
    'at start',
  ])
  await client.query("SET application_name = 'again'")
  await client.query('DISCARD ALL')
  expect([await local('application_name'), await remote('application_name')]).toEqual([
    'at start',
    'at start',
  ])
})

it('takes SET LOCAL and set_config(…, true) along when the transaction moves, and no further', async () => {
  await client.query('BEGIN')
  await client.query("SET LOCAL application_name = 'inside'")
  await client.query("SELECT set_config('app.user', $1, true)", ['7'])
  expect(await remote('application_name')).toBe('inside')
  expect(await remote('app.user')).toBe('7')
  await client.query('COMMIT')
  expect([await local('application_name'), await remote('application_name')]).toEqual([
    'at start',
    'at start',
  ])
  expect(await remote('app.user')).toBe('')
})

it('keeps what a committed transaction set, on both servers', async () => {
  await client.query('BEGIN')
  await client.query("SET application_name = 'before the move'")
  await client.query("SET app.who = '1'")
  expect(await remote('application_name')).toBe('before the move')
  await client.query("SET app.who = '2'")
  await client.query('COMMIT')
  expect([await local('application_name'), await remote('application_name')]).toEqual([
    'before the move',
    'before the move',
  ])
  expect([await local('app.who'), await remote('app.who')]).toEqual(['2', '2'])
})

it('takes what stands before BEGIN in the same string for a part of the transaction', async () => {
  await client.query("SET app.who = 'before'; SELECT set_config('app.tenant', 'too', true); BEGIN")
  expect([await remote('app.who'), await remote('app.tenant')]).toEqual(['before', 'too'])
  await client.query('COMMIT')
  expect([await local('app.who'), await remote('app.who')]).toEqual(['before', 'before'])
  await client.query("SET app.who = 'gone'; BEGIN")
  expect(await remote('app.who')).toBe('gone')
  await client.query('ROLLBACK')
  expect([await local('app.who'), await remote('app.who')]).toEqual(['before', 'before'])
})

it.each(['RESET ALL', 'DISCARD ALL'])(
  'sets nothing on the primary that %s has taken back before it opened',
  async (all) => {
    await client.query("SET app.who = 'gone'")
    await client.query(all)
    await client.query("SET app.tenant = 'later'")
    expect([await remote('app.who'), await remote('app.tenant')]).toEqual([null, 'later'])
  },
)

it('sets on the primary in the order of the last change of each', async () => {
  await rig.onPrimary(
    'CREATE ROLE other LOGIN IN ROLE pg_read_all_data; GRANT ALL ON item, item_id_seq TO public',
  )
  await rig.replicated()
  for (const sql of ['SET ROLE pg_monitor', 'SET SESSION AUTHORIZATION other', 'SET ROLE pg_read_all_data'])
    await client.query(sql)
  expect(await remote('role')).toBe('pg_read_all_data')
})

it('leaves a client its unnamed statement when settings are brought to the other server', async () => {
  const raw = await rig.raw()
  expect(await raw.ask([parse('INSERT INTO item DEFAULT VALUES'), bind(), execute(), sync])).toBe(
    '1 2 C Z(I)',
  )
  expect(await raw.ask([parse("SET app.who = 'x'", 's'), bind([], 's'), execute(), sync])).toBe('1 2 C Z(I)')
  expect(await raw.ask([bind(), execute(), sync])).toBe('2 C Z(I)')
})

it('sets again on the primary what SET LOCAL stood before for one transaction', async () => {
  await client.query("SET app.who = 'lasting'")
  await client.query('BEGIN')
  await client.query("SET LOCAL app.who = 'inside'")
  await client.query('COMMIT')
  expect([await local('app.who'), await remote('app.who')]).toEqual(['lasting', 'lasting'])
})

it('forgets what a rolled back transaction set, on both servers', async () => {
  await client.query('BEGIN')
  await client.query("SET application_name = 'gone'")
  expect(await remote('application_name')).toBe('gone')
  await client.query('ROLLBACK')
  expect([await local('application_name'), await remote('application_name')]).toEqual([
    'at start',
    'at start',
  ])
  await client.query("SET application_name = 'gone too'; SELECT 1/0").catch(() => undefined)
  expect([await local('application_name'), await remote('application_name')]).toEqual([
    'at start',
    'at start',
  ])
})

it('tells the client of a parameter that changed on the server it talks to', async () => {
  const seen: string[] = []
  client.connection.on('parameterStatus', ({ parameterName, parameterValue }) =>
    seen.push(`${parameterName}=${parameterValue}`),
  )
  await client.query("SET application_name = 'told'")
  await remote('application_name')
  await client.query("SET application_name = 'told again'")
  expect(seen).toEqual(['application_name=told', 'application_name=told again'])
})

it('shows apg_write_forward.* as it was set', async () => {
  await client.query("SET apg_write_forward.consistency_mode = 'session'")
  expect(await local('apg_write_forward.consistency_mode')).toBe('session')
})
