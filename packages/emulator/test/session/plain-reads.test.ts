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

const rig = useRig({ once: itemTable, each: tenItems })
let client: RawClient
beforeEach(async () => {
  client = await rig.raw({ application_name: 'reads' })
})

const busy = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'reads' AND wait_event = 'PgSleep'"
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
  client.send(query('SELECT pg_sleep(600)'), query('SELECT 1'))
  while ((await rig.onStandby(busy)).length === 0);
  await client.cancel()
  expect(shape(await client.until('Z'))).toMatch(/E\(57014\) Z\(I\)$/)
  expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
})

it('ends the session when the standby ends it in the middle of a read', async () => {
  client.send(parse('SELECT pg_sleep(600)'), ...read())
  while ((await rig.onStandby(busy)).length === 0);
  await rig.onStandby(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reads'",
  )
  expect(errorIn(await client.ended())?.sqlstate).toBe('57P01')
})

it('takes nothing from the standby faster than the client reads', async () => {
  client.socket.pause()
  const wide = query("SELECT repeat('x', 100000) FROM generate_series(1, 200)")
  client.send(wide, wide, query('SELECT 1'))
  const stuck =
    "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND application_name = 'reads'"
  while ((await rig.onStandby(stuck)).length === 0);
  client.socket.resume()
  expect((await client.until('Z')).filter(({ type }) => type === 'D')).toHaveLength(200)
  expect((await client.until('Z')).filter(({ type }) => type === 'D')).toHaveLength(200)
  expect(shape(await client.until('Z'))).toBe('T D C Z(I)')
})
