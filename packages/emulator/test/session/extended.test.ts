import { beforeEach, describe, expect, it } from 'vitest'
import {
  bind,
  describePortal,
  describeStatement,
  execute,
  flush,
  parse,
  query,
  shape,
  sync,
  RawClient,
} from '../endpoint/raw-client.ts'
import { itemCount, itemTable, tenItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: tenItems })
let client: RawClient
beforeEach(async () => {
  client = await rig.raw()
})

const count = () => itemCount(rig)
const insert = (id: number) => [parse(`INSERT INTO item VALUES (${id})`), bind(), execute()]
const select = [parse('SELECT 1'), bind(), execute()]
const inRecovery = async () => {
  client.send(query('SELECT pg_is_in_recovery()'))
  return (await client.until('Z'))
    .find(({ type }) => type === 'D')!
    .bytes.toString('latin1')
    .at(-1)
}

describe('units of the extended protocol', () => {
  it('answers message for message', async () => {
    expect(
      await client.ask([parse('SELECT 1'), describeStatement(), bind(), describePortal(), execute(), sync]),
    ).toBe('1 t T 2 T D C Z(I)')
    expect(
      await client.ask([parse('INSERT INTO item VALUES (11)'), bind(), describePortal(), execute(), sync]),
    ).toBe('1 2 n C Z(I)')
    expect(await client.ask([sync])).toBe('Z(I)')
    expect(await client.ask([parse(''), bind(), execute(), sync])).toBe('1 2 I Z(I)')
  })

  it('answers a Flush without ending the implicit transaction', async () => {
    expect(await client.ask([parse('SELECT * FROM item'), bind([], '', 'p'), flush], '2')).toBe('1 2')
    expect(await client.ask([execute(3, 'p'), flush], 's')).toBe('D D D s')
    expect(await client.ask([execute(3, 'p'), flush], 's')).toBe('D D D s')
    expect(await client.ask([execute(0, 'p'), flush], 'C')).toBe('D D D D C')
    expect(await client.ask([sync])).toBe('Z(I)')
    expect(await client.ask([execute(0, 'p'), sync])).toBe('E(34000) Z(I)')
  })

  it('describes before it binds, in units of their own', async () => {
    const text = 'INSERT INTO item VALUES ($1) RETURNING id'
    expect(await client.ask([parse(text), describeStatement(), flush], 'T')).toBe('1 t T')
    expect(rig.endpoint.crossings().total).toBe(0)
    expect(await client.ask([bind(['11']), execute(), sync])).toBe('2 D C Z(I)')
    expect(await client.ask([parse(text), describeStatement(), sync])).toBe('1 t T Z(I)')
    expect(await client.ask([bind(['12']), execute(), sync])).toBe('2 D C Z(I)')
    expect(rig.endpoint.crossings().total).toBe(2)
    expect(await count()).toBe(12)
  })

  it('runs pipelined units in order, each on its server', async () => {
    client.send(
      ...select,
      sync,
      ...insert(11),
      sync,
      query('SELECT 1'),
      ...insert(11),
      sync,
      ...insert(12),
      sync,
    )
    const answers: string[] = []
    for (let unit = 0; unit < 5; unit++) answers.push(shape(await client.until('Z')))
    expect(answers).toEqual(['1 2 D C Z(I)', '1 2 C Z(I)', 'T D C Z(I)', '1 2 E(23505) Z(I)', '1 2 C Z(I)'])
    expect(rig.endpoint.crossings().total).toBe(3)
  })

  it('keeps a batch up to Sync one transaction', async () => {
    expect(await client.ask([...select, ...insert(11), ...insert(11), ...insert(12), sync])).toBe(
      '1 2 D C 1 2 C 1 2 E(23505) Z(I)',
    )
    expect(await count()).toBe(10)
    expect(await client.ask([...insert(11), ...insert(12), ...select, sync])).toBe('1 2 C 1 2 C 1 2 D C Z(I)')
    expect(await count()).toBe(12)
    expect(rig.endpoint.crossings().transactions.map(({ outcome }) => outcome)).toEqual([
      'rolled-back',
      'committed',
    ])
  })

  it('skips everything after an error in a flushed part up to Sync', async () => {
    expect(await client.ask([parse('SELEC'), flush], 'E')).toBe('E(42601)')
    expect(await client.ask([...insert(11), flush, query('SELECT 1'), sync])).toBe('Z(I)')
    expect(await client.ask([...select, sync])).toBe('1 2 D C Z(I)')
    expect(await count()).toBe(10)
  })

  it('rolls back a flushed write when a later part of the batch fails', async () => {
    expect(await client.ask([...insert(11), flush], 'C')).toBe('1 2 C')
    expect(await client.ask([parse('SELECT 1/0'), bind(), execute(), sync])).toMatch(/E\(22012\) Z\(I\)$/)
    expect(await count()).toBe(10)
    expect(await client.ask([...insert(11), flush], 'C')).toBe('1 2 C')
    expect(await client.ask([sync])).toBe('Z(I)')
    expect(await count()).toBe(11)
  })

  it('runs what stands before a refused statement, and skips what stands behind it', async () => {
    expect(await client.ask([...select, parse('SAVEPOINT a'), bind(), execute(), ...insert(11), sync])).toBe(
      '1 2 D C E(0A000) Z(I)',
    )
    expect(await client.ask([...insert(11), parse('SAVEPOINT a'), bind(), execute(), sync])).toBe(
      '1 2 C E(0A000) Z(I)',
    )
    expect(await count()).toBe(10)
    expect(await client.ask([parse('SAVEPOINT a'), flush], 'E')).toBe('E(0A000)')
    expect(await client.ask([sync])).toBe('Z(I)')
  })

  it.each([
    ['committed', insert(12), '1 2 C', 12],
    ['rolled-back', insert(11), '1 2 E(23505)', 11],
  ])(
    'takes what stands behind a COMMIT for a transaction of its own: %s',
    async (outcome, last, answered, n) => {
      const run = (sql: string) => [parse(sql), bind(), execute()]
      await client.ask([query('BEGIN')])
      await client.ask([...insert(11), sync])
      const behind = [...run('COMMIT'), ...select, ...last, sync]
      expect(await client.ask(behind)).toBe(`1 2 C 1 2 D C ${answered} Z(I)`)
      const texts = rig.endpoint.crossings().transactions.map(({ statements }) => statements.length)
      expect(texts).toEqual([2, 1])
      expect(rig.endpoint.crossings()).toMatchObject({
        total: 2,
        transactions: [
          { crossings: 2, outcome: 'committed' },
          { crossings: 0, outcome },
        ],
      })
      await client.ask([query('BEGIN')])
      await client.ask([...insert(13), sync])
      // What only reads behind it has not crossed.
      await client.ask([...run('COMMIT'), ...select, sync])
      expect(rig.endpoint.crossings().transactions).toHaveLength(3)
      expect(await count()).toBe(n + 1)
    },
  )

  it('opens, moves and ends a transaction inside one batch', async () => {
    const run = (sql: string) => [parse(sql), bind(), execute()]
    expect(await client.ask([...run('BEGIN'), flush], 'C')).toBe('1 2 C')
    expect(await client.ask([...insert(11), flush], 'C')).toBe('1 2 C')
    expect(await client.ask([sync])).toBe('Z(T)')
    expect(await inRecovery()).toBe('f')
    expect(await client.ask([...run('ROLLBACK'), sync])).toBe('1 2 C Z(I)')
    expect(await count()).toBe(10)
    expect(await client.ask([...run('BEGIN'), ...insert(11), ...run('COMMIT'), sync])).toBe(
      '1 2 C 1 2 C 1 2 C Z(I)',
    )
    expect(await count()).toBe(11)
  })

  it('takes a Query in the middle of a batch', async () => {
    expect(await client.ask([...insert(11), query('SELECT 1')])).toBe('1 2 C T D C Z(I)')
    expect(await count()).toBe(11)
  })

  it('goes on reading a portal of the standby after its transaction has moved', async () => {
    await client.ask([query('BEGIN')])
    expect(await client.ask([parse('SELECT id FROM item'), bind([], '', 'p'), execute(4, 'p'), sync])).toBe(
      '1 2 D D D D s Z(T)',
    )
    expect(await client.ask([query('INSERT INTO item VALUES (11)')])).toBe('C Z(T)')
    expect(await client.ask([execute(4, 'p'), ...insert(12), execute(0, 'p'), sync])).toBe(
      'D D D D s 1 2 C D D C Z(T)',
    )
    expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
    expect(await count()).toBe(12)
    expect(await rig.onStandby("SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in tr%'")).toEqual([])
  })

  it('fails a transaction on both servers where a portal keeps it open on both', async () => {
    await client.ask([query('BEGIN')])
    const text = 'SELECT 10 / (id - 6) FROM item ORDER BY id'
    expect(await client.ask([parse(text), bind([], '', 'p'), execute(2, 'p'), sync])).toBe('1 2 D D s Z(T)')
    await client.ask([query('INSERT INTO item VALUES (11)')])
    expect(await client.ask([execute(0, 'p'), sync])).toBe('D D D E(22012) Z(E)')
    expect(await client.ask([query('INSERT INTO item VALUES (12)')])).toBe('E(25P02) Z(E)')
    expect(await client.ask([query('COMMIT')])).toBe('C Z(I)')
    expect(await count()).toBe(10)
  })

  it('fetches a forwarded statement’s rows in parts', async () => {
    const text = 'UPDATE item SET name = $1 RETURNING id'
    expect(await client.ask([parse(text), bind(['x'], '', 'p'), flush], '2')).toBe('1 2')
    expect(await client.ask([execute(6, 'p'), flush], 's')).toBe('D D D D D D s')
    expect(await client.ask([execute(6, 'p'), sync])).toBe('D D D D C Z(I)')
    expect(await rig.onPrimary("SELECT count(*)::int AS n FROM item WHERE name = 'x'")).toEqual([{ n: 10 }])
  })

  it('runs a long batch in parts, and does not hold it all until its Sync comes', async () => {
    const statements = Array.from({ length: 3000 }, (_, n) => [
      parse(`SELECT ${n}, '${'x'.repeat(100)}'`),
      bind(),
      execute(),
    ])
    client.send(...statements.flat())
    const early = await client.until('C')
    client.send(sync)
    const answers = [...early, ...(await client.until('Z'))]
    expect(answers.filter(({ type }) => type === 'C')).toHaveLength(3000)
  })

  it('keeps the unnamed portal through a text that does not parse', async () => {
    await client.ask([parse('BEGIN'), bind(), execute(), sync])
    expect(await client.ask([query('SELEC')])).toBe('E(42601) Z(E)')
    expect(await client.ask([execute(), sync])).toBe('E(25P02) Z(E)')
  })
})

it('refuses a portal fetched in parts where the profile says so', async () => {
  const own = await rig.endpointWith({
    profile: {
      name: 'no parts',
      extends: 'aws-local',
      verdicts: { 'portal-fetch': { verdict: 'refuse', known: 'assumed' } },
    },
  })
  const strict = await RawClient.connect(own, { user: 'postgres' })
  expect(await strict.ask([parse('SELECT * FROM item'), bind(), execute(3), sync])).toBe('1 2 E(0A000) Z(I)')
  expect(await strict.ask([parse('SELECT 1'), bind(), execute(), sync])).toBe('1 2 D C Z(I)')
  expect(own.refusals()).toEqual([{ rule: 'portal-fetch', statement: 'SELECT * FROM item' }])
  strict.destroy()
})
