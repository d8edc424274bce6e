import { afterEach, beforeAll, expect, it } from 'vitest'
import { ReplayLag } from '../../src/consistency/replay-lag.ts'
import { framed } from '../../src/wire/build.ts'
import { frontend } from '../../src/wire/message-types.ts'
import { bind, describeStatement, execute, flush, parse, query, sync } from '../endpoint/raw-client.ts'
import { noItems, useRig } from '../endpoint/rig.ts'

// A name of PostgreSQL's own that is also a user's: which of the two a text means has to be asked of the server.
const rig = useRig({
  once: `CREATE TABLE item (id serial);
         CREATE FUNCTION public.count(boolean) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
         CREATE FUNCTION items() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM item'`,
  each: noItems,
})
let lag: ReplayLag

beforeAll(() => {
  lag = new ReplayLag(rig.servers)
})
afterEach(() => lag.resume())

const write = 'INSERT INTO item DEFAULT VALUES'
const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ'

it('waits before a transaction takes its snapshot for a statement that is only parsed', async () => {
  const client = await rig.raw()
  await lag.pause()
  await client.ask([query(write)])
  await client.ask([query(begin)])
  const parsed = client.ask([parse('SELECT id FROM item', 'all'), describeStatement('all'), sync])
  await rig.somebodyWaits()
  await lag.resume()
  expect(await parsed).toBe('1 t T Z(T)')
  expect(await client.ask([bind([], 'all'), execute(), sync])).toBe('2 D C Z(T)')
  await client.ask([query('ROLLBACK')])
})

it.each([
  ['outside of transactions', undefined],
  ['in a transaction', 'BEGIN'],
])('waits before a portal is opened that is read behind a Flush, %s', async (_where, before) => {
  const client = await rig.raw()
  await lag.pause()
  await client.ask([query(write)])
  if (before) await client.ask([query(before)])
  const rows = client.ask([parse('SELECT id FROM item'), bind([]), flush], '2')
  await rig.somebodyWaits()
  await lag.resume()
  expect(await rows).toBe('1 2')
  expect(await client.ask([execute(), sync])).toBe(`D C Z(${before ? 'T' : 'I'})`)
  if (before) await client.ask([query('ROLLBACK')])
})

it('waits before a transaction takes its snapshot for the question which functions a text calls', async () => {
  const client = await rig.reader()
  await lag.pause()
  await client.query(write)
  await client.query(begin)
  const reading = client.query('SELECT count(*)::int AS n FROM item')
  await rig.somebodyWaits()
  await lag.resume()
  expect((await reading).rows).toEqual([{ n: 1 }])
  await client.query('ROLLBACK')
})

it('waits before a transaction takes its snapshot for the question which function a fastpath call means', async () => {
  const local = { verdict: 'local', known: 'assumed' } as const
  const profile = { name: 'functions', extends: 'aws-local', verdicts: { 'user-function': local } } as const
  const client = await rig.raw({}, await rig.endpointWith({ profile }))
  const [{ oid }] = await rig.onStandby("SELECT 'items()'::regprocedure::oid::int AS oid")
  const call = Buffer.alloc(10)
  call.writeUInt32BE(oid)
  await lag.pause()
  await client.ask([query(write)])
  await client.ask([query(begin)])
  client.send(framed(frontend.functionCall, call))
  await rig.somebodyWaits()
  await lag.resume()
  const [result] = await client.until('Z')
  expect(result!.bytes.toString('latin1', 9)).toBe('1')
  await client.ask([query('ROLLBACK')])
})

it('takes no snapshot of a transaction to read back what it has set', async () => {
  const client = await rig.reader()
  await client.query("SET apg_write_forward.consistency_mode = 'global'")
  await client.query(begin)
  await client.query("SET statement_timeout = '1min'")
  await rig.onPrimary(write)
  expect((await client.query('SELECT id FROM item')).rows).toHaveLength(1)
  await client.query('ROLLBACK')
})

it('tells a client that cancels such a wait, and aborts its transaction', async () => {
  const client = await rig.raw()
  await lag.pause()
  await client.ask([query(write)])
  await client.ask([query(begin)])
  const cancelled = client.ask([query('SELECT count(*) FROM item')])
  await rig.somebodyWaits()
  await client.cancel()
  expect(await cancelled).toBe('E(57014) Z(E)')
  expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
})
