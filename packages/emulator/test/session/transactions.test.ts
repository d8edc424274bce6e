import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { errorOf, itemTable, noItems, useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: itemTable, each: noItems })
let client: pg.Client
beforeEach(async () => {
  client = await rig.reader()
})

const value = async (sql: string, values?: unknown[]) =>
  Object.values((await client.query<Record<string, unknown>>(sql, values)).rows[0] ?? {})[0]
const onStandby = () => value('SELECT pg_is_in_recovery()')
const lastCrossing = () => rig.endpoint.crossings().transactions.at(-1)

describe('outside a transaction', () => {
  it('runs reads on the standby and writes on the primary', async () => {
    expect(await onStandby()).toBe(true)
    await client.query("INSERT INTO item VALUES (1, 'one')")
    expect(await onStandby()).toBe(true)
    expect(await rig.onPrimary('SELECT name FROM item')).toEqual([{ name: 'one' }])
  })

  it('shows a session its own write at once', async () => {
    for (let id = 1; id <= 50; id++) {
      await client.query('INSERT INTO item VALUES ($1, $2)', [id, 'x'])
      expect(await value('SELECT count(*)::int FROM item')).toBe(id)
    }
  })

  it('counts one crossing for each forwarded statement, and none for a read', async () => {
    await client.query("INSERT INTO item VALUES (1, 'one')")
    await client.query('SELECT * FROM item')
    await client.query('SELECT * FROM item FOR UPDATE')
    expect(rig.endpoint.crossings()).toMatchObject({
      total: 2,
      transactions: [
        { statements: ["INSERT INTO item VALUES (1, 'one')"], crossings: 1, outcome: 'committed' },
        { statements: ['SELECT * FROM item FOR UPDATE'], crossings: 1, outcome: 'committed' },
      ],
    })
  })

  it('keeps one session on the primary', async () => {
    const pid = 'WITH new AS (INSERT INTO item VALUES ($1) RETURNING id) SELECT pg_backend_pid() FROM new'
    expect(await value(pid, [1])).toBe(await value(pid, [2]))
  })

  it('runs several statements in one string as one transaction', async () => {
    const error = await errorOf(
      client.query("INSERT INTO item VALUES (1, 'a'); INSERT INTO item VALUES (1, 'b')"),
    )
    expect(error.code).toBe('23505')
    expect(await value('SELECT count(*)::int FROM item')).toBe(0)
    expect(lastCrossing()).toMatchObject({ crossings: 1, outcome: 'rolled-back' })
  })

  it('runs a string with its own BEGIN and COMMIT, whole, on the primary', async () => {
    await client.query("BEGIN; INSERT INTO item VALUES (1, 'a'); COMMIT; SELECT 1")
    expect(await value('SELECT count(*)::int FROM item')).toBe(1)
    await client.query("BEGIN; INSERT INTO item VALUES (2, 'b')")
    expect(await onStandby()).toBe(false)
    await client.query('ROLLBACK')
    expect(await value('SELECT count(*)::int FROM item')).toBe(1)
  })

  it('takes in what a failing string had committed before it failed', async () => {
    await errorOf(client.query("BEGIN; INSERT INTO item VALUES (1, 'a'); COMMIT; SELECT 1/0"))
    expect(await value('SELECT count(*)::int FROM item')).toBe(1)
    expect(lastCrossing()).toMatchObject({ outcome: 'committed' })
  })

  it('names the statement in the context of an error that the writer raised', async () => {
    await client.query("INSERT INTO item VALUES (1, 'a')")
    const simple = await errorOf(client.query("INSERT INTO item VALUES (1, 'b')"))
    expect(simple).toMatchObject({
      code: '23505',
      where: "WriteForward command: INSERT INTO item VALUES (1, 'b')",
    })
    const bound = await errorOf(client.query('INSERT INTO item VALUES ($1)', [1]))
    expect(bound.where).toBe('WriteForward command: INSERT INTO item VALUES ($1)')
    expect((await errorOf(client.query('SELECT 1/0'))).where).toBeUndefined()
  })
})

describe('in a transaction', () => {
  it('stays on the standby until the first write, then moves to the primary with its options', async () => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    expect(await onStandby()).toBe(true)
    await client.query("INSERT INTO item VALUES (1, 'one')")
    expect(await onStandby()).toBe(false)
    expect(await value('SHOW transaction_isolation')).toBe('repeatable read')
    expect(await value('SELECT count(*)::int FROM item')).toBe(1)
    await client.query('COMMIT')
    expect(await onStandby()).toBe(true)
    expect(await value('SELECT count(*)::int FROM item')).toBe(1)
  })

  it('crosses once for each write and once for the end', async () => {
    await client.query('BEGIN')
    for (const id of [1, 2, 3]) {
      await client.query('INSERT INTO item VALUES ($1)', [id])
      await client.query('SELECT count(*) FROM item')
    }
    await client.query('COMMIT')
    expect(rig.endpoint.crossings().total).toBe(4)
    expect(lastCrossing()).toMatchObject({ crossings: 4, outcome: 'committed' })
    expect(lastCrossing()?.statements.at(-1)).toBe('COMMIT')
  })

  it('does not cross where it only reads', async () => {
    await client.query('BEGIN')
    await client.query('SELECT * FROM item')
    await client.query('COMMIT')
    expect(rig.endpoint.crossings()).toEqual({ total: 0, transactions: [] })
  })

  it('rolls back on both servers', async () => {
    await client.query('BEGIN')
    await client.query('SELECT 1')
    await client.query("INSERT INTO item VALUES (1, 'one')")
    await client.query('ROLLBACK')
    expect(lastCrossing()).toMatchObject({ crossings: 2, outcome: 'rolled-back' })
    expect(await rig.onPrimary('SELECT * FROM item')).toEqual([])
    const open = "SELECT count(*)::int FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    expect(await rig.onPrimary(open)).toEqual([{ count: 0 }])
    expect(await rig.onStandby(open)).toEqual([{ count: 0 }])
  })

  it('waits the injected latency once for each crossing', async () => {
    rig.endpoint.latency.set(40)
    await client.query('BEGIN')
    await client.query("INSERT INTO item VALUES (1, 'one')")
    await client.query('SELECT 1')
    await client.query('COMMIT')
    expect(lastCrossing()).toMatchObject({ crossings: 2 })
    expect(lastCrossing()?.waitedMs).toBeGreaterThanOrEqual(78)
  })

  it('never forwards from a READ ONLY transaction: the answer is the standby’s own', async () => {
    for (const begin of ['BEGIN READ ONLY', 'BEGIN; SET TRANSACTION READ ONLY']) {
      await client.query(begin)
      expect((await errorOf(client.query('INSERT INTO item VALUES (1)'))).code).toBe('25006')
      await client.query('ROLLBACK')
    }
    await errorOf(client.query('BEGIN READ ONLY; INSERT INTO item VALUES (1)'))
    await client.query('ROLLBACK')
    expect(rig.endpoint.crossings().total).toBe(0)
  })

  it('accepts READ WRITE, which a plain standby refuses', async () => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE')
    await client.query('INSERT INTO item VALUES (1)')
    expect(await value('SHOW transaction_read_only')).toBe('off')
    await client.query('COMMIT')
    await client.query({ text: 'BEGIN READ WRITE', values: [] })
    await client.query('SET TRANSACTION READ WRITE')
    await client.query('INSERT INTO item VALUES (2)')
    await client.query('COMMIT')
    expect(await value('SELECT count(*)::int FROM item')).toBe(2)
  })

  it('leaves SERIALIZABLE to the standby’s own refusal', async () => {
    expect(await errorOf(client.query('BEGIN ISOLATION LEVEL SERIALIZABLE'))).toMatchObject({
      code: '0A000',
      message: 'cannot use serializable mode in a hot standby',
    })
    expect(await onStandby()).toBe(true)
  })

  it('goes on on the primary after COMMIT AND CHAIN', async () => {
    await client.query('BEGIN')
    await client.query('INSERT INTO item VALUES (1)')
    await client.query('COMMIT AND CHAIN')
    await client.query('INSERT INTO item VALUES (2)')
    await client.query('ROLLBACK')
    expect(await value('SELECT count(*)::int FROM item')).toBe(1)
    expect(rig.endpoint.crossings().transactions.map(({ outcome }) => outcome)).toEqual([
      'committed',
      'rolled-back',
    ])
  })

  it('that has failed is not ended apart from a DISCARD ALL, which PostgreSQL lets stand only by itself', async () => {
    await client.query('BEGIN')
    await errorOf(client.query('SELECT 1/0'))
    expect((await errorOf(client.query('ROLLBACK; DISCARD ALL'))).code).toBe('25001')
    expect((await client.query('SELECT 1 AS still')).rows).toEqual([{ still: 1 }])
  })

  it.each([
    ['INSERT INTO item VALUES (1); BEGIN READ ONLY', 'COMMIT'],
    ['BEGIN READ ONLY; COMMIT; INSERT INTO item VALUES (1)', 'SELECT 1'],
  ])('that is READ ONLY hinders no write beside it in the same string: %s', async (text, then) => {
    await client.query(text)
    await client.query(then)
    expect(await value('SELECT count(*)::int FROM item')).toBe(1)
  })

  it('writes behind the end of a transaction that did not, in the same string', async () => {
    await client.query('BEGIN READ ONLY')
    await client.query('COMMIT; INSERT INTO item VALUES (1)')
    await client.query('BEGIN')
    await errorOf(client.query('SELECT 1/0'))
    await client.query('ROLLBACK; INSERT INTO item VALUES (2)')
    expect(await value('SELECT count(*)::int FROM item')).toBe(2)
    expect(rig.endpoint.crossings().total).toBe(2)
  })

  it('is aborted by an error of the primary, as PostgreSQL does it', async () => {
    await client.query('BEGIN')
    await client.query('INSERT INTO item VALUES (1)')
    expect((await errorOf(client.query('INSERT INTO item VALUES (1)'))).code).toBe('23505')
    expect((await errorOf(client.query('INSERT INTO item VALUES (2)'))).code).toBe('25P02')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
    expect(lastCrossing()).toMatchObject({ crossings: 3, outcome: 'rolled-back' })
    expect(await value('SELECT count(*)::int FROM item')).toBe(0)
  })
})

describe('a refused statement', () => {
  it('is answered in words that name what is refused, the rule, the profile and what to do', async () => {
    const error = await errorOf(client.query('SAVEPOINT a'))
    expect(error).toMatchObject({
      code: '0A000',
      severity: 'ERROR',
      message: 'this forwarding reader refuses SAVEPOINT (rule "savepoint", profile "aws-local")',
      detail: expect.stringContaining('cannot be rolled back in part'),
      hint: expect.stringContaining('flatten(knex)'),
    })
    expect(rig.endpoint.refusals()).toEqual([{ rule: 'savepoint', statement: 'SAVEPOINT a' }])
    expect(await value('SELECT 1')).toBe(1)
  })

  it.each([
    ['SELECT 1; ROLLBACK  \n TO a', 'ROLLBACK TO'],
    ['SELECT 1; PREPARE p AS SELECT noise(1)', 'noise'],
    ['SELECT 1; set constraints all deferred', 'set constraints'],
  ])('is named by its own words in %j', async (sql, words) => {
    expect((await errorOf(client.query(sql))).message).toContain(`refuses ${words} (rule`)
  })

  it.each([
    ['before a write', undefined],
    ['after a write', 'INSERT INTO item VALUES (1)'],
  ])('aborts its transaction, %s', async (_, write) => {
    await client.query('BEGIN')
    if (write !== undefined) await client.query(write)
    expect((await errorOf(client.query('SAVEPOINT a'))).code).toBe('0A000')
    expect((await errorOf(client.query('SELECT 1'))).code).toBe('25P02')
    expect((await errorOf(client.query('SAVEPOINT b'))).code).toBe('25P02')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
    expect(await value('SELECT count(*)::int FROM item')).toBe(0)
  })

  it('aborts its transaction in the extended protocol too', async () => {
    await client.query('BEGIN')
    await client.query('INSERT INTO item VALUES (1)')
    expect((await errorOf(client.query({ name: 's', text: 'LOCK TABLE item' }))).code).toBe('0A000')
    expect((await errorOf(client.query({ name: 't', text: 'LOCK TABLE item' }))).code).toBe('25P02')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
  })

  it('never reaches a server', async () => {
    const logging = await rig.reader({ options: '-c log_statement=all' })
    await logging.query('BEGIN')
    await logging.query("INSERT INTO item VALUES (1, 'seen by the log')")
    await errorOf(logging.query('SAVEPOINT hidden_one'))
    await errorOf(logging.query({ text: 'SAVEPOINT hidden_two', values: [] }))
    await logging.query('ROLLBACK')
    await errorOf(logging.query({ name: 'x', text: 'SAVEPOINT hidden_three', values: [] }))
    await errorOf(logging.query("SELECT 'seen by the log'; SAVEPOINT hidden_four"))
    const logs = await Promise.all(
      ['primary', 'standby'].map((name) => readFile(join(rig.servers.folder, name, 'server.log'), 'utf8')),
    )
    expect(logs[0]).toContain('seen by the log')
    expect(logs.join('\n')).not.toMatch(/SAVEPOINT/i)
  })

  it('is the standby’s own where a plain standby refuses too', async () => {
    const refused = [
      ['CREATE TABLE other ()', '25006', 'ddl'],
      ['CREATE TEMP TABLE other ()', '25006', 'temp-table'],
      ['LISTEN channel', '25006', 'listen-notify'],
      ['VACUUM item', '25006', 'maintenance'],
    ] as const
    for (const [sql, sqlstate, rule] of refused) {
      const error = await errorOf(client.query(sql))
      expect([error.code, rig.endpoint.refusals().at(-1)?.rule]).toEqual([sqlstate, rule])
      expect(error.message).toMatch(/^cannot execute/)
    }
  })

  it('keeps the standby’s SQLSTATE where the transaction has moved to the primary, which would accept it', async () => {
    await client.query('BEGIN')
    await client.query('INSERT INTO item VALUES (1)')
    expect((await errorOf(client.query('CREATE TABLE other ()'))).code).toBe('25006')
    await client.query('ROLLBACK')
    await client.query('BEGIN')
    await client.query('INSERT INTO item VALUES (1)')
    expect((await errorOf(client.query({ text: 'CREATE TABLE other ()', values: [] }))).code).toBe('25006')
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
  })

  it('refuses COPY and the session goes on', async () => {
    expect((await errorOf(client.query('COPY item TO STDOUT'))).code).toBe('0A000')
    expect((await errorOf(client.query('COPY item FROM STDIN'))).code).toMatch(/0A000|25006/)
    expect(await value('SELECT 1')).toBe(1)
  })
})
