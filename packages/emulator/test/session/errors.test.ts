import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { bind, execute, parse, query, sync } from '../endpoint/raw-client.ts'
import { errorOf, useRig } from '../endpoint/rig.ts'

const rig = useRig({
  once: `
    CREATE TABLE item (id int PRIMARY KEY, name text);
    CREATE TABLE part (id int PRIMARY KEY, item int REFERENCES item DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE noisy (id int);
    CREATE FUNCTION noise() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''heard''; RETURN NEW; END';
    CREATE TRIGGER noise BEFORE INSERT ON noisy FOR EACH ROW EXECUTE FUNCTION noise();
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''deep''; END';
    CREATE TRIGGER fail BEFORE DELETE ON noisy FOR EACH ROW EXECUTE FUNCTION fail();`,
  each: "TRUNCATE item, part; INSERT INTO item VALUES (1, 'one'); TRUNCATE noisy; INSERT INTO noisy VALUES (1)",
})
let client: pg.Client
beforeEach(async () => {
  client = await rig.reader()
})
const command = (sql: string) => `WriteForward command: ${sql}`

describe('an error of the writer names the forwarded text in its context', () => {
  const again = 'INSERT INTO item VALUES (1)'

  it('of a simple query, whole where it has several statements', async () => {
    expect(await errorOf(client.query(again))).toMatchObject({ code: '23505', where: command(again) })
    const several = `SELECT 1; ${again}; SELECT 2`
    expect(await errorOf(client.query(several))).toMatchObject({ code: '23505', where: command(several) })
  })

  it('of the extended protocol, each statement by itself', async () => {
    const text = 'INSERT INTO item VALUES ($1)'
    expect(await errorOf(client.query(text, [1]))).toMatchObject({ code: '23505', where: command(text) })
    expect(await errorOf(client.query({ name: 'n', text, values: [1] }))).toMatchObject({
      where: command(text),
    })
    expect(await errorOf(client.query({ name: 'n', text, values: [1] }))).toMatchObject({
      where: command(text),
    })
  })

  it('of EXECUTE, as it was sent', async () => {
    await client.query('PREPARE p AS INSERT INTO item VALUES ($1)')
    expect(await errorOf(client.query('EXECUTE p(1)'))).toMatchObject({
      code: '23505',
      where: command('EXECUTE p(1)'),
    })
  })

  it('behind the context that the writer gives it', async () => {
    const { code, where } = await errorOf(client.query('DELETE FROM noisy'))
    expect(code).toBe('P0001')
    expect(where).toMatch(
      /^PL\/pgSQL function fail\(\) line 1 at RAISE\nWriteForward command: DELETE FROM noisy$/,
    )
  })

  it('at COMMIT, where a constraint was deferred, in both protocols', async () => {
    await client.query('BEGIN')
    await client.query('INSERT INTO part VALUES (1, 99)')
    expect(await errorOf(client.query('COMMIT'))).toMatchObject({ code: '23503', where: command('COMMIT') })
    expect((await client.query('SELECT count(*)::int AS n FROM part')).rows).toEqual([{ n: 0 }])
    expect(rig.endpoint.crossings().transactions.at(-1)).toMatchObject({ outcome: 'rolled-back' })
    const raw = await rig.raw()
    await raw.ask([query('BEGIN')])
    await raw.ask([query('INSERT INTO part VALUES (1, 99)')])
    expect(await raw.ask([parse('COMMIT'), bind(), execute(), sync])).toBe('1 2 E(23503) Z(I)')
    expect(await errorOf(client.query('INSERT INTO part VALUES (1, 99)'))).toMatchObject({ code: '23503' })
  })
})

it('an error of the standby, and a notice of the writer, have no such context', async () => {
  expect((await errorOf(client.query('SELECT 1/0'))).where).toBeUndefined()
  const notices: pg.Notification[] = []
  client.on('notice', (notice) => notices.push(notice as unknown as pg.Notification))
  await client.query('INSERT INTO noisy VALUES (2)')
  expect(notices).toMatchObject([{ message: 'heard', where: expect.not.stringContaining('WriteForward') }])
})

describe('the writer’s last words to a session that it ends', () => {
  const end = 'SELECT pg_terminate_backend(pg_backend_pid()) FROM item FOR UPDATE'

  it('are an error of the transaction that went with it, and the session lives on', async () => {
    await client.query('BEGIN')
    await client.query("UPDATE item SET name = 'gone'")
    const error = await errorOf(client.query(end))
    expect(error).toMatchObject({ severity: 'ERROR', code: '57P01', where: undefined })
    expect((await errorOf(client.query('SELECT 1'))).code).toBe('25P02')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
    expect((await client.query('SELECT name FROM item')).rows).toEqual([{ name: 'one' }])
    expect((await client.query('INSERT INTO item VALUES (2) RETURNING id')).rows).toEqual([{ id: 2 }])
  })

  it('are a detail where it may have committed', async () => {
    const error = await errorOf(client.query(end))
    expect(error).toMatchObject({ severity: 'ERROR', code: '08007', where: undefined })
    expect(error.detail).toMatch(/^The writer said: .*terminating connection due to administrator command/)
    expect((await client.query('SELECT name FROM item')).rows).toEqual([{ name: 'one' }])
  })
})

it('a LISTEN that a profile of one’s own forwards does no harm, and is heard only beside its session’s own statements', async () => {
  const profile = {
    name: 'listening',
    extends: 'aws-local',
    verdicts: { 'listen-notify': { verdict: 'forward', known: 'assumed' } },
  } as const
  const raw = await rig.raw({}, await rig.endpointWith({ profile }))
  // PostgreSQL puts a notification where it likes.
  const ask = async (...messages: Buffer[]) => (await raw.ask(messages)).replaceAll(' A', '')
  const insert = 'INSERT INTO item VALUES (2) RETURNING id'
  expect(await ask(query('LISTEN news'))).toBe('C Z(I)')
  await rig.onPrimary("NOTIFY news, 'from another session'")
  expect(await ask(query('SELECT 1'))).toBe('T D C Z(I)')
  expect(await ask(query("NOTIFY news, 'from this one'"))).toBe('C Z(I)')
  expect(await ask(query('BEGIN'))).toBe('C Z(T)')
  expect(await ask(query(insert))).toBe('T D C Z(T)')
  await rig.onPrimary('NOTIFY news')
  expect(await ask(parse('SELECT id FROM item'), bind(), execute(), sync)).toBe('1 2 D D C Z(T)')
  expect(await ask(query('COMMIT'))).toBe('C Z(I)')
  expect(await ask(query('UNLISTEN news'))).toBe('C Z(I)')
  expect(await ask(query('SELECT id FROM item'))).toBe('T D D C Z(I)')
})
