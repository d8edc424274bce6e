import { beforeEach, expect, it } from 'vitest'
import {
  bind,
  closeStatement,
  describeStatement,
  errorIn,
  execute,
  parse,
  query,
  shape,
  sync,
  type RawClient,
} from '../endpoint/raw-client.ts'
import { itemTable, tenItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: `${tenItems}; UPDATE item SET name = repeat('x', 50000)` })
let client: RawClient
beforeEach(async () => {
  client = await rig.raw({ application_name: 'reads' })
})

// What calls no function is known for a plain read by its text alone.
const letters = Array.from('abcdefghij')
const endless = `SELECT FROM ${letters.map((each) => `item ${each}`).join(', ')} WHERE ${letters.map((each) => `${each}.id`).join(' + ')} < 0`
const session = "SELECT FROM pg_stat_activity WHERE application_name = 'reads'"
const busy = `${session} AND state = 'active' AND query LIKE 'SELECT FROM item a%'`
const read = (name = '') => [bind([], name), execute(), sync]

it('answers reads that were sent all at once in their order, with writes between them', async () => {
  client.send(
    ...[query('SELECT 1'), parse('SELECT 1'), ...read(), parse('SELECT 1', 's'), sync, ...read('s')],
    ...[query('INSERT INTO item VALUES (11)'), query('SELECT * FROM item WHERE id = 11'), ...read('s')],
    ...[closeStatement('s'), sync, ...read('s'), query('SELECT 1/0'), query('VALUES (1)')],
  )
  const answers: string[] = []
  for (let unit = 0; unit < 11; unit++) answers.push(shape(await client.until('Z')))
  expect(answers).toEqual([
    ...['T D C Z(I)', '1 2 D C Z(I)', '1 Z(I)', '2 D C Z(I)'],
    ...['C Z(I)', 'T D C Z(I)', '2 D C Z(I)'],
    ...['3 Z(I)', 'E(26000) Z(I)', 'E(22012) Z(I)', 'T D C Z(I)'],
  ])
})

it('keeps a statement whose first execution failed, and none whose Parse failed', async () => {
  expect(await client.ask([parse('SELECT 1/(id - 1) FROM item', 's'), ...read('s')])).toBe(
    '1 2 E(22012) Z(I)',
  )
  expect(await client.ask([describeStatement('s'), sync])).toBe('t T Z(I)')
  expect(await client.ask([parse('SELECT 1', 's'), sync])).toBe('E(42P05) Z(I)')
  expect(await client.ask([parse('SELECT nothing FROM item', 'n'), ...read('n')])).toBe('E(42703) Z(I)')
  expect(await client.ask([...read('n')])).toBe('E(26000) Z(I)')
  // The primary is taught what only the standby has heard of.
  expect(await client.ask([query('BEGIN')])).toBe('C Z(T)')
  expect(await client.ask([query('DELETE FROM item WHERE id = 1')])).toBe('C Z(T)')
  expect(await client.ask(read('s'))).toMatch(/^2 (D ){9}C Z\(T\)$/)
  await client.ask([query('ROLLBACK')])
})

it('is cancelled, and waits its turn behind a read that is being cancelled', async () => {
  client.send(query(endless), query('SELECT 1'))
  while ((await rig.onStandby(busy)).length === 0);
  await client.cancel()
  expect(shape(await client.until('Z'))).toMatch(/E\(57014\) Z\(I\)$/)
  expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
})

it('ends the session when the standby ends it in the middle of a read', async () => {
  const { sessions } = rig.endpoint.status()
  client.send(parse(endless), ...read())
  while ((await rig.onStandby(busy)).length === 0);
  await rig.onStandby(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reads'",
  )
  expect(errorIn(await client.ended())?.sqlstate).toBe('57P01')
  while (rig.endpoint.status().sessions === sessions) await new Promise(setImmediate)
})

it('ends the session when the standby ends it behind a read', async () => {
  await client.ask([query('SELECT 1')])
  await rig.onStandby(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reads'",
  )
  expect(errorIn(await client.ended())?.sqlstate).toBe('57P01')
})

it('takes nothing from the standby faster than the client reads', async () => {
  client.socket.pause()
  const wide = query('SELECT a.name FROM item a, item b, item c WHERE c.id < 5')
  client.send(wide, wide, query('SELECT 1'))
  while ((await rig.onStandby(`${session} AND wait_event = 'ClientWrite'`)).length === 0);
  client.socket.resume()
  expect((await client.until('Z')).filter(({ type }) => type === 'D')).toHaveLength(400)
  expect((await client.until('Z')).filter(({ type }) => type === 'D')).toHaveLength(400)
  expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
})

it('begins no further read while the client does not take the answers to those before', async () => {
  const reads = 2000
  client.socket.pause()
  client.send(
    ...Array.from({ length: reads }, (_, n) => query(`SELECT name FROM item WHERE id = 1 + 0 * ${n}`)),
  )
  const last = "SELECT state, query FROM pg_stat_activity WHERE application_name = 'reads'"
  let [now] = await rig.onStandby(last)
  for (let before = ''; now.state !== 'idle' || now.query !== before; [now] = await rig.onStandby(last)) {
    before = now.query
  }
  // The answers to all would be 100 MB; the system keeps only some for the two sockets.
  expect(Number(/\d+$/.exec(now.query)?.[0])).toBeLessThan(reads / 2)
  client.socket.resume()
  for (let n = 0; n < reads; n++) expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
})
