import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import { bind, describePortal, execute, flush, parse, query, sync } from '../endpoint/raw-client.ts'
import { errorOf, useRig, type RigOptions } from '../endpoint/rig.ts'

const schema = `
  CREATE TABLE item (id int PRIMARY KEY, name text);
  CREATE SCHEMA app;
  CREATE TYPE money_of AS (amount numeric, currency text);
  CREATE FUNCTION lower(money_of) RETURNS text LANGUAGE sql AS 'SELECT $1.currency';
  CREATE FUNCTION app.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''app''';
  CREATE FUNCTION app.plain(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
  CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql RETURN $1 * 2;
  CREATE FUNCTION careful(int) RETURNS int LANGUAGE plpgsql AS
    'BEGIN RETURN 1 / $1; EXCEPTION WHEN division_by_zero THEN RETURN 0; END';
  CREATE FUNCTION raising(int) RETURNS int LANGUAGE plpgsql AS
    'BEGIN IF $1 = 0 THEN RAISE EXCEPTION ''no''; END IF; RETURN $1; END';
  CREATE FUNCTION careful_caller(int) RETURNS int LANGUAGE sql AS 'SELECT raising(1) + careful($1)';
  CREATE FUNCTION careful_atomic(int) RETURNS int LANGUAGE sql RETURN careful($1);
  CREATE AGGREGATE longest(text) (sfunc = textcat, stype = text);
  CREATE PROCEDURE tidy() LANGUAGE sql AS 'SELECT 1';
  CREATE PROCEDURE careful_tidy() LANGUAGE plpgsql AS 'BEGIN PERFORM 1; EXCEPTION WHEN others THEN NULL; END';
  INSERT INTO item VALUES (1, 'One');
`
const rig = useRig({ once: schema })
const ran = (client: pg.Client, sql: string, values?: unknown[]) =>
  client.query({ text: sql, ...(values && { values }), rowMode: 'array' }).then(({ rows }) => rows.flat()[0])

/** A session on an endpoint of another kind. */
const sessions: { client: pg.Client; endpoint: Endpoint }[] = []
async function sessionWith(options: RigOptions): Promise<pg.Client> {
  const endpoint = await rig.endpointWith(options)
  const client = new pg.Client({ ...endpoint, user: 'postgres', database: 'postgres' })
  client.on('error', () => undefined)
  await client.connect()
  sessions.push({ client, endpoint })
  return client
}
afterAll(async () => {
  for (const { client } of sessions) await client.end().catch(() => undefined)
})

const allowed = {
  name: 'functions allowed',
  extends: 'aws-local',
  verdicts: { 'user-function': { verdict: 'local', known: 'assumed' } },
} as const

describe('a function is the user’s', () => {
  it.each([
    ['by a name of its own', 'SELECT twice(2)', 'twice'],
    ['by its schema', "SELECT app.lower('X')", 'app.lower'],
    ['by its arguments, under a built-in’s name', "SELECT lower(ROW(1, 'EUR')::money_of)", 'lower'],
    ['in FROM', 'SELECT * FROM twice(1)', 'twice'],
    ['as an aggregate', 'SELECT longest(name) FROM item', 'longest'],
    ['over a window', 'SELECT longest(name) OVER () FROM item', 'longest'],
    ['deep inside', 'SELECT 1 WHERE 1 IN (SELECT coalesce(twice(id), 0) FROM item)', 'twice'],
    ['in a forwarded statement', 'UPDATE item SET name = twice(3)', 'twice'],
    ['in PREPARE', 'PREPARE p AS SELECT twice($1)', 'twice'],
    ['in EXPLAIN ANALYZE', 'EXPLAIN ANALYZE SELECT twice(1)', 'twice'],
    ['as a procedure', 'CALL tidy()', 'tidy'],
  ])('%s', async (_, sql, words) => {
    const client = await rig.reader()
    const message = expect.stringContaining(`refuses ${words} (rule "user-function"`)
    expect(await errorOf(client.query(sql))).toMatchObject({ code: '0A000', message })
    expect(await errorOf(client.query({ text: sql, name: 'named' }))).toMatchObject({
      code: '0A000',
      message,
    })
    await client.query('BEGIN')
    expect(await errorOf(client.query(sql))).toMatchObject({ code: '0A000', message })
    expect((await errorOf(client.query('SELECT 1'))).code).toBe('25P02')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
  })

  it('by the search path', async () => {
    const client = await rig.reader()
    expect(await ran(client, "SELECT lower('X')")).toBe('x')
    await client.query('SET search_path = app, pg_catalog, public')
    expect((await errorOf(client.query("SELECT lower('X')"))).code).toBe('0A000')
    await client.query('BEGIN; SET LOCAL search_path = public')
    expect(await ran(client, "SELECT lower('X')")).toBe('x')
    await client.query('COMMIT')
    expect((await errorOf(client.query('SELECT lower($1)', ['X']))).code).toBe('0A000')
  })

  it('by the types of its parameters', async () => {
    const client = await rig.raw()
    const oid = (await rig.onStandby("SELECT 'money_of'::regtype::oid AS oid"))[0].oid as number
    const types = Buffer.alloc(6)
    types.writeInt16BE(1)
    types.writeUInt32BE(oid, 2)
    expect(
      await client.ask([parse('SELECT lower($1)'), bind(['X']), describePortal(), execute(), sync]),
    ).toBe('1 2 T D C Z(I)')
    const typed = parse('SELECT lower($1)').subarray(0, -2)
    const message = Buffer.concat([typed, types])
    message.writeInt32BE(message.length - 1, 1)
    expect(await client.ask([message, bind(['(1,EUR)']), execute(), sync])).toBe('E(0A000) Z(I)')
  })

  it('or not, which is not asked amid a batch: to ask would roll back what was flushed of it', async () => {
    const client = await rig.raw()
    const run = (sql: string) => [parse(sql), bind(), execute()]
    expect(await client.ask([...run("UPDATE item SET name = 'flushed'"), flush], 'C')).toBe('1 2 C')
    expect(await client.ask([...run("SELECT lower('X')"), sync])).toBe('1 2 D C Z(I)')
    expect(await rig.onPrimary('SELECT name FROM item')).toEqual([{ name: 'flushed' }])
    await rig.onPrimary("UPDATE item SET name = 'One'")
  })

  it('in a transaction that has moved', async () => {
    const client = await rig.reader()
    await client.query('BEGIN')
    await client.query("UPDATE item SET name = 'changed'")
    expect(await ran(client, 'SELECT lower(name) FROM item')).toBe('changed')
    expect(await ran(client, 'SELECT lower($1::text)', ['A'])).toBe('a')
    expect((await errorOf(client.query('SELECT twice(1)'))).code).toBe('0A000')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
  })
})

it('a function that takes one of PostgreSQL’s names while sessions run is the user’s before long', async () => {
  const client = await rig.reader()
  expect(await ran(client, "SELECT initcap('x')")).toBe('X')
  await rig.onPrimary("CREATE FUNCTION initcap(int) RETURNS int LANGUAGE sql AS 'SELECT $1'")
  await rig.replicated()
  const outcome = () =>
    ran(client, 'SELECT initcap(1)').catch((error: unknown) => (error as pg.DatabaseError).code)
  await expect.poll(outcome, { timeout: 10_000 }).toBe('0A000')
  expect(await ran(client, "SELECT initcap('x')")).toBe('X')
})

describe('a function is not the user’s', () => {
  it('where the overload that is meant is PostgreSQL’s', async () => {
    const client = await rig.reader()
    expect(await ran(client, "SELECT lower('X')")).toBe('x')
    expect(await ran(client, 'SELECT lower($1)', ['Y'])).toBe('y')
    expect(rig.endpoint.refusals()).toEqual([])
  })

  it('where there is none of that name: the reader says so itself', async () => {
    const client = await rig.reader()
    expect((await errorOf(client.query('SELECT nowhere(1)'))).code).toBe('42883')
    expect((await errorOf(client.query({ text: 'SELECT nowhere($1)', values: [1] }))).code).toBe('42883')
    await client.query('BEGIN')
    expect((await errorOf(client.query('SELECT nowhere(1)'))).code).toBe('42883')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
    expect((await errorOf(client.query('INSERT INTO item VALUES (nowhere(1))'))).code).toBe('0A000')
  })
})

it('leaves no trace of having asked: settings, transactions, statements and portals are as they were', async () => {
  const client = await rig.raw()
  await client.ask([query('SET client_min_messages = error; SET debug_print_parse = off')])
  await client.ask([query('BEGIN ISOLATION LEVEL REPEATABLE READ')])
  expect(await client.ask([parse('SELECT 1', 's'), bind([], 's', 'p'), sync])).toBe('1 2 Z(T)')
  expect(await client.ask([query("SELECT lower('X')")])).toBe('T D C Z(T)')
  client.send(query("SELECT current_setting('client_min_messages'), current_setting('debug_print_parse')"))
  const row = (await client.until('Z')).find(({ type }) => type === 'D')!
  expect(row.bytes.toString('latin1')).toMatch(/error.*off$/s)
  expect(await client.ask([execute(0, 'p'), sync])).toBe('D C Z(T)')
  expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
  const logs = ['primary', 'standby'].map((name) =>
    readFile(join(rig.servers.folder, name, 'server.log'), 'utf8'),
  )
  expect((await Promise.all(logs)).join('\n')).not.toContain('parse tree')
})

describe('a function with an EXCEPTION part', () => {
  let client: pg.Client
  beforeAll(async () => {
    client = await sessionWith({ profile: allowed })
  })

  it.each([
    ['itself', 'SELECT careful(1)', 'careful'],
    ['in what it calls', 'SELECT careful_caller(1)', 'careful_caller'],
    ['in what a body of SQL’s own kind calls', 'SELECT careful_atomic(1)', 'careful_atomic'],
    ['in a procedure', 'CALL careful_tidy()', 'careful_tidy'],
    ['in a forwarded statement', 'UPDATE item SET id = careful(id)', 'careful'],
  ])('is refused where functions are allowed: %s', async (_, sql, words) => {
    const message = expect.stringContaining(`refuses ${words} (rule "plpgsql-exception"`)
    expect(await errorOf(client.query(sql))).toMatchObject({ code: '0A000', message })
    expect(await errorOf(client.query({ text: sql, values: [] }))).toMatchObject({ code: '0A000', message })
  })

  it('is not one that raises an exception', async () => {
    expect(await ran(client, 'SELECT raising(2) + twice(2) + app.plain(1)')).toBe(7)
    expect(await ran(client, 'UPDATE item SET id = raising(id) RETURNING id')).toBe(1)
  })

  it('is refused as soon as it has one, and no longer', async () => {
    const replace = (body: string) =>
      rig.onPrimary(
        `CREATE OR REPLACE FUNCTION changing() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; ${body} END'`,
      )
    await replace('')
    await rig.replicated()
    expect(await ran(client, 'SELECT changing()')).toBe(1)
    await replace('EXCEPTION WHEN others THEN RETURN 2;')
    await rig.replicated()
    expect((await errorOf(client.query('SELECT changing()'))).code).toBe('0A000')
    await replace('')
    await rig.replicated()
    expect(await ran(client, 'SELECT changing()')).toBe(1)
  })
})

it.each([
  ['user-defined', '0A000'],
  ['built-in', undefined],
] as const)('an extension’s functions count as %s where that is assumed', async (value, sqlstate) => {
  // No extension comes with the programs: a function of the user's that is made a member of plpgsql is one as well.
  await rig.onPrimary(`
    CREATE OR REPLACE FUNCTION brought() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE OR REPLACE FUNCTION brought_careful() RETURNS int LANGUAGE plpgsql AS
      'BEGIN RETURN 1; EXCEPTION WHEN others THEN RETURN 2; END';
    DO $$ BEGIN
      ALTER EXTENSION plpgsql ADD FUNCTION brought();
      ALTER EXTENSION plpgsql ADD FUNCTION brought_careful();
    EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL; END $$`)
  await rig.replicated()
  const client = await sessionWith({ assumptions: { 'extension-functions': value } })
  const answer = await ran(client, 'SELECT brought()').catch(
    (error: unknown) => (error as pg.DatabaseError).code,
  )
  expect(answer).toBe(sqlstate ?? 1)
  expect((await errorOf(client.query('SELECT brought_careful()'))).code).toBe('0A000')
  expect((await errorOf(client.query('SELECT twice(1)'))).code).toBe('0A000')
})
