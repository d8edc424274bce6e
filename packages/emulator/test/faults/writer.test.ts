import { afterEach, describe, expect, it } from 'vitest'
import {
  bind,
  errorIn,
  execute,
  flush,
  parse,
  query,
  shape,
  sync,
  type RawClient,
} from '../endpoint/raw-client.ts'
import { errorOf, itemTable, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: noItems })
afterEach(() => rig.endpoint.faults.heal())

const ids = async () => (await rig.onPrimary('SELECT id FROM item ORDER BY id')).map(({ id }) => id)
const write = (id: number) => `INSERT INTO item VALUES (${id})`
/** Resolves once the primary runs somebody's pg_sleep. */
const sleeps = async () => {
  while ((await rig.onPrimary("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0);
}
const sleepingWrite = 'INSERT INTO item SELECT 1 FROM pg_sleep(600)'

/** Others must not notice: one that has written, and one that comes new. */
async function othersGoOn(bystander: RawClient): Promise<void> {
  expect(await bystander.ask([query('INSERT INTO item VALUES (100)')])).toBe('C Z(I)')
  expect(await bystander.ask([query('SELECT 1 FROM item WHERE id = 100')])).toBe('T D C Z(I)')
  const fresh = await rig.reader()
  await fresh.query(write(101))
  expect((await fresh.query('SELECT id FROM item WHERE id = 101')).rows).toEqual([{ id: 101 }])
}

const endings = {
  restarts: { fault: () => rig.endpoint.faults.restartWriter(), code: '57P01' },
  // Its last words, if it has any, tell of another process: nobody can know which comes first.
  crashes: { fault: () => rig.endpoint.faults.crashWriter(), code: '(08006|57P02)' },
  'ends the forwarded sessions': { fault: () => rig.endpoint.faults.killForwardedSessions(), code: '57P01' },
} as const

describe.each(Object.entries(endings))('when the writer %s', (_, { fault, code }) => {
  const lost = new RegExp(`^E\\(${code}\\) Z\\(E\\)$`)

  it('an idle session does not notice, nor do its settings and prepared statements', async () => {
    const [client, bystander] = [await rig.reader(), await rig.raw()]
    await bystander.ask([query(write(50))])
    await client.query("SET work_mem = '777kB'")
    const named = (id: number) => ({
      name: 'named',
      text: "INSERT INTO item VALUES ($1, current_setting('work_mem'))",
      values: [id],
    })
    await client.query(named(1))
    await fault()
    await client.query(named(2))
    expect((await client.query('SELECT name FROM item WHERE id = 2')).rows).toEqual([{ name: '777kB' }])
    await othersGoOn(bystander)
  })

  it('a read transaction goes on, and moves when it writes', async () => {
    const client = await rig.raw()
    await client.ask([query(write(1))])
    await client.ask([query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM item')])
    await fault()
    expect(await client.ask([query('SELECT * FROM item')])).toBe('T D C Z(T)')
    const level = "current_setting('transaction_isolation')"
    expect(await client.ask([query(`INSERT INTO item VALUES (2, ${level})`)])).toBe('C Z(T)')
    expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
    expect(await rig.onPrimary('SELECT name FROM item ORDER BY id')).toEqual([
      { name: null },
      { name: 'repeatable read' },
    ])
  })

  it('a transaction that has moved is gone, and fails until it is rolled back', async () => {
    const [client, bystander] = [await rig.raw(), await rig.raw()]
    await client.ask([query('BEGIN')])
    await client.ask([query(write(1))])
    await fault()
    expect(await client.ask([parse(write(2)), bind(), execute(), sync])).toMatch(lost)
    expect(await client.ask([query('SELECT 1')])).toBe('E(25P02) Z(E)')
    expect(shape(await (client.send(query('COMMIT')), client.until('Z')))).toBe('C Z(I)')
    expect(await ids()).toEqual([])
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
    await othersGoOn(bystander)
  })

  it('a transaction whose COMMIT comes too late was not committed, and is told so', async () => {
    const client = await rig.raw()
    await client.ask([query('BEGIN')])
    await client.ask([query(write(1))])
    await fault()
    expect(await client.ask([query('COMMIT')])).toMatch(lost)
    expect(await ids()).toEqual([])
  })

  it('a statement in a transaction fails with the writer’s words', async () => {
    const client = await rig.raw()
    await client.ask([query('BEGIN')])
    client.send(query(sleepingWrite))
    await sleeps()
    await fault()
    expect(shape(await client.until('Z'))).toMatch(lost)
    expect(await client.ask([query('ROLLBACK')])).toBe('C Z(I)')
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
  })

  it.each([
    ['a simple query', [query(sleepingWrite)]],
    ['an extended batch', [parse(sleepingWrite), bind(), execute(), sync]],
  ])('a write that commits by itself, in %s, has an unknown outcome', async (_how, messages) => {
    const client = await rig.raw()
    client.send(...messages)
    await sleeps()
    await fault()
    const answer = await client.until('Z')
    expect(shape(answer)).toMatch(/^(1 2 )?E\(08007\) Z\(I\)$/)
    expect(errorIn(answer)?.text).toContain('it is not known whether the transaction was committed')
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
    expect(rig.endpoint.crossings().transactions.map(({ outcome }) => outcome)).toEqual([
      'unknown',
      'committed',
    ])
  })

  it('a COMMIT that runs has an unknown outcome', async () => {
    await rig.onPrimary(`
      CREATE OR REPLACE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END';
      DROP TRIGGER IF EXISTS nap ON item;
      CREATE CONSTRAINT TRIGGER nap AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.name = 'nap') EXECUTE FUNCTION nap()`)
    const client = await rig.raw()
    await client.ask([query('BEGIN')])
    await client.ask([query("INSERT INTO item VALUES (1, 'nap')")])
    client.send(query('COMMIT'))
    await sleeps()
    await fault()
    expect(shape(await client.until('Z'))).toBe('E(08007) Z(I)')
    expect(await ids()).toEqual([])
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
  })

  it('a part that was flushed and waits for its Sync did not take effect', async () => {
    const client = await rig.raw()
    expect(await client.ask([parse(write(1)), bind(), execute(), flush], 'C')).toBe('1 2 C')
    await fault()
    expect(await client.ask([sync])).toMatch(new RegExp(`^E\\(${code}\\) Z\\(I\\)$`))
    expect(await ids()).toEqual([])
    expect(await client.ask([query(write(3))])).toBe('C Z(I)')
  })
})

it('says how many sessions it has ended, those alone', async () => {
  const [client, other] = [await rig.raw(), await rig.raw()]
  await rig.endpoint.faults.killForwardedSessions()
  expect(await rig.endpoint.faults.killForwardedSessions()).toBe(0)
  await client.ask([query(write(1))])
  await other.ask([query('SELECT 1')])
  expect(await rig.endpoint.faults.killForwardedSessions()).toBe(1)
  expect(await rig.endpoint.faults.killForwardedSessions()).toBe(0)
})

it('tells a deferred error that comes with a lone Sync', async () => {
  await rig.onPrimary(
    'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)',
  )
  const client = await rig.raw()
  expect(await client.ask([parse('INSERT INTO child VALUES (1)'), bind(), execute(), flush], 'C')).toBe(
    '1 2 C',
  )
  expect(await client.ask([sync])).toBe('E(23503) Z(I)')
  expect(await client.ask([query(write(1))])).toBe('C Z(I)')
})

it('lets reads go on while the writer is away, and tells a write so', async () => {
  const client = await rig.reader()
  await client.query(write(1))
  await client.query('SELECT * FROM item')
  const endpoint = await rig.endpointWith({
    servers: { ...rig.servers, primary: { host: '127.0.0.1', port: 1 } },
  })
  const reader = await rig.reader({ port: endpoint.port })
  expect((await reader.query('SELECT id FROM item')).rows).toEqual([{ id: 1 }])
  expect(await errorOf(reader.query(write(2)))).toMatchObject({
    code: '08001',
    hint: expect.stringContaining('Reads go on'),
  })
})
