import type pg from 'pg'
import { beforeEach, expect, it } from 'vitest'
import { errorOf, useRig } from '../endpoint/rig.ts'

/** What a session is, wherever its statements run: who it is, what it sees, and how it speaks. */
const rig = useRig({
  once: `
    CREATE ROLE clerk; CREATE ROLE login LOGIN IN ROLE clerk;
    CREATE TABLE note (id serial, by text DEFAULT current_user, owner text DEFAULT current_setting('app.who', true), said text);
    GRANT ALL ON note TO clerk; GRANT USAGE ON SEQUENCE note_id_seq TO clerk;
    CREATE TABLE secret (owner text, said text); GRANT ALL ON secret TO clerk;
    CREATE POLICY own ON secret TO clerk USING (owner = current_setting('app.who', true));
    ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
    CREATE SCHEMA one; CREATE TABLE one.place (name text DEFAULT 'one');
    CREATE SCHEMA two; CREATE TABLE two.place (name text DEFAULT 'two')`,
  each: 'TRUNCATE note, secret, one.place, two.place',
})
let client: pg.Client

beforeEach(async () => {
  client = await rig.reader()
})

const write = 'INSERT INTO note DEFAULT VALUES RETURNING by, owner'
const rows = async (sql: string, values?: unknown[]) => (await client.query(sql, values)).rows

it('writes as the role that was set, before the primary’s session opens and after', async () => {
  await client.query('SET ROLE clerk')
  expect(await rows(write)).toMatchObject([{ by: 'clerk' }])
  await client.query('RESET ROLE')
  expect(await rows(write)).toMatchObject([{ by: 'postgres' }])
  await client.query('SET SESSION AUTHORIZATION login')
  expect(await rows(write)).toMatchObject([{ by: 'login' }])
  expect(await rows('SELECT current_user::text AS me')).toEqual([{ me: 'login' }])
  expect(await errorOf(client.query('INSERT INTO one.place DEFAULT VALUES'))).toMatchObject({ code: '42501' })
})

it('takes a role that a transaction sets to the primary, and leaves it when that is rolled back', async () => {
  await client.query('BEGIN')
  await client.query('SET LOCAL ROLE clerk')
  expect(await rows(write)).toMatchObject([{ by: 'clerk' }])
  await client.query('ROLLBACK')
  expect(await rows(write)).toMatchObject([{ by: 'postgres' }])
})

it('applies row-level security for the user that a transaction names, on both servers', async () => {
  await client.query("INSERT INTO secret (owner) VALUES ('ann'), ('bob')")
  await client.query('SET ROLE clerk')
  for (const user of ['ann', 'bob']) {
    await client.query('BEGIN')
    await client.query(`SET LOCAL app.who = '${user}'`)
    expect(await rows('SELECT owner FROM secret')).toEqual([{ owner: user }])
    expect(await rows("UPDATE secret SET said = 'x' RETURNING owner")).toEqual([{ owner: user }])
    expect(await rows('SELECT owner FROM secret')).toEqual([{ owner: user }])
    await client.query('COMMIT')
    expect(await rows('SELECT owner FROM secret')).toEqual([])
  }
})

it('follows search_path with a prepared statement, wherever that runs', async () => {
  const add = () =>
    client.query({ name: 'add', text: 'INSERT INTO place DEFAULT VALUES RETURNING name', values: [] })
  const read = () => client.query({ name: 'read', text: 'SELECT name FROM place', values: [] })
  await client.query('SET search_path = one')
  expect((await add()).rows).toEqual([{ name: 'one' }])
  expect((await read()).rows).toEqual([{ name: 'one' }])
  await client.query('SET search_path = two')
  expect((await read()).rows).toEqual([])
  expect((await add()).rows).toEqual([{ name: 'two' }])
  expect((await read()).rows).toEqual([{ name: 'two' }])
  await client.query('BEGIN')
  await client.query('SET LOCAL search_path = one')
  expect((await add()).rows).toEqual([{ name: 'one' }])
  await client.query('ROLLBACK')
  expect((await add()).rows).toEqual([{ name: 'two' }])
})

it('speaks the client’s encoding and writes its dates on both servers', async () => {
  await client.query("SET client_encoding = 'LATIN1'")
  await client.query("SET DateStyle = 'German'")
  await client.query("SET TIME ZONE 'Asia/Tokyo'")
  const said = "chr(233) || ' ' || date '2026-11-22'::text || ' ' || extract(timezone_hour FROM now())"
  const there = (
    await rows(`INSERT INTO note (said) VALUES (${said}) RETURNING said, octet_length(said) AS bytes`)
  )[0]
  const here = (await rows(`SELECT ${said} AS said, octet_length(${said}) AS bytes`))[0]
  expect(there).toEqual(here)
  expect(there.bytes).toBe('\u00e9 22.11.2026 9'.length + 1)
})

it('stops a statement that takes longer than statement_timeout on the primary as on the standby', async () => {
  await client.query("SET statement_timeout = '50ms'")
  const late = { code: '57014', message: 'canceling statement due to statement timeout' }
  expect(await errorOf(client.query('SELECT pg_sleep(60)'))).toMatchObject(late)
  expect(await errorOf(client.query('INSERT INTO note (said) SELECT pg_sleep(60)::text'))).toMatchObject(late)
  await client.query('SET statement_timeout = 0')
  expect(await rows(write)).toHaveLength(1)
})

it('leaves nothing of what an aborted transaction set, on either server', async () => {
  await client.query(write)
  await client.query('BEGIN')
  await client.query("SET app.who = 'gone'")
  await client.query(write)
  await errorOf(client.query('SELECT 1/0'))
  await errorOf(client.query("SET app.who = 'too late'"))
  expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
  expect(await rows("SELECT coalesce(current_setting('app.who', true), '') AS who")).toEqual([{ who: '' }])
  expect((await rows(write))[0].owner ?? '').toBe('')
})
