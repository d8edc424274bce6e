import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { classify, judge, supportTable, type AwsProfile, type Judgement } from '@knex-flatten/sql-support'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SCHEMA, STATEMENTS, type StatementCase } from '../../../sql-support/test/statements.ts'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import {
  bind,
  describePortal,
  errorIn,
  execute,
  flush,
  parse,
  query,
  RawClient,
  shape,
  sync,
} from '../endpoint/raw-client.ts'
import { useRig } from '../endpoint/rig.ts'

const rig = useRig({ once: SCHEMA })
const profiles: readonly AwsProfile[] = ['aws-local', 'aws-global']

/** The judgements that refuse, of one text. */
const refusalsOf = (sql: string, profile: AwsProfile) =>
  classify(sql)
    .map((statement) => judge(statement, profile))
    .filter(({ verdict }) => verdict === 'refuse')
const byEmulator = ({ rule }: Judgement) => supportTable[rule!].standby === 'allows'

/** Each with what may stand before it on such a reader. */
const cases = (profile: AwsProfile) =>
  // What no server resolves is refused by no rule.
  STATEMENTS.filter(({ standby }) => standby !== '3F000').map((each) => ({
    ...each,
    setup: (each.setup ?? []).filter((sql) => refusalsOf(sql, profile).length === 0),
  }))

const simple = (sql: string) => [query(sql)]
const extended = (sql: string) => [parse(sql), bind(), describePortal(), execute(), sync]

describe.each(profiles)('under %s, every statement that is known', (profile) => {
  let endpoint: Endpoint
  let client: RawClient
  beforeAll(async () => {
    endpoint = await rig.endpointWith({ profile })
  })
  beforeEach(async () => {
    client = await RawClient.connect(endpoint, { user: 'postgres' })
  })
  afterEach(() => client.destroy())

  const answer = async (messages: readonly Buffer[]) => {
    client.send(...messages)
    const answers = await client.until('Z')
    return { sqlstate: errorIn(answers)?.sqlstate, status: shape(answers).slice(-2, -1) }
  }

  /** What a refused one is answered with: the emulator's own SQLSTATE, or the standby's. */
  const expected = ({ sql, standby }: StatementCase) =>
    refusalsOf(sql, profile).some(byEmulator) ? '0A000' : standby

  it.each(cases(profile))(
    'is refused or not as the table says, outside a transaction: $sql',
    async (each) => {
      const refused = refusalsOf(each.sql, profile)
      const single = classify(each.sql).length === 1
      for (const messages of [simple(each.sql), ...(single ? [extended(each.sql)] : [])]) {
        endpoint.reset()
        for (const before of each.setup) await answer(simple(before))
        const { sqlstate } = await answer(messages)
        for (const after of ['ROLLBACK', 'RESET default_transaction_isolation', 'DEALLOCATE ALL']) {
          await answer(simple(after))
        }
        await answer(simple('ROLLBACK; DEALLOCATE ALL; RESET ALL'))
        if (refused.length > 0) {
          // A setting that no standby minds is no refusal of a standby's.
          if (expected(each) !== undefined) expect(sqlstate).toBe(expected(each))
          expect(refused.map(({ rule }) => rule)).toContain(endpoint.refusals()[0]?.rule ?? 'serializable')
        } else expect(endpoint.refusals()).toEqual([])
      }
    },
  )

  const inside = cases(profile).filter(
    ({ sql }) => refusalsOf(sql, profile).some(byEmulator) && classify(sql).length === 1,
  )
  it.each(inside)('aborts its transaction, before and after a write: $sql', async ({ sql, setup }) => {
    for (const write of ['SELECT 1', "UPDATE customers SET name = name WHERE name = 'Ada'"]) {
      for (const messages of [simple(sql), extended(sql)]) {
        await answer(simple('BEGIN'))
        for (const before of setup) if (before !== 'BEGIN') await answer(simple(before))
        expect(await answer(simple(write))).toEqual({ sqlstate: undefined, status: 'T' })
        expect(await answer(messages)).toEqual({ sqlstate: '0A000', status: 'E' })
        expect(await answer(simple('SELECT 1'))).toEqual({ sqlstate: '25P02', status: 'E' })
        expect(await answer(messages)).toEqual({ sqlstate: '25P02', status: 'E' })
        client.send(query('COMMIT'))
        const ended = await client.until('Z')
        expect(ended[0]?.bytes.toString('latin1')).toContain('ROLLBACK')
        await answer(simple('DEALLOCATE ALL'))
      }
    }
  })
})

it('runs nothing of a refused statement on either server, and holds none of its names', async () => {
  const logged = await rig.raw({ options: '-c log_statement=all' })
  await logged.ask([query('BEGIN; UPDATE customers SET name = name /* written down */')])
  await logged.ask([query('ROLLBACK')])
  const emulated = cases('aws-local').filter(({ sql }) => refusalsOf(sql, 'aws-local').every(byEmulator))
  for (const [index, { sql }] of emulated.filter(({ verdict }) => verdict === 'refuse').entries()) {
    const marked = `/* never run ${index} */ ${sql}`
    // A call is looked up before it is refused, without being run; and what stands before a refused statement does run.
    if (classify(sql).length > 1 || classify(sql)[0]!.functions.length > 0) continue
    await logged.ask([query('BEGIN')])
    expect(await logged.ask([query(marked)])).toBe('E(0A000) Z(E)')
    await logged.ask([query('ROLLBACK')])
    expect(await logged.ask([parse(marked, 's'), flush], 'E')).toBe('E(0A000)')
    expect(await logged.ask([bind([], 's'), execute(), sync])).toBe('Z(I)')
    expect(await logged.ask([bind([], 's'), sync])).toBe('E(26000) Z(I)')
  }
  const logs = ['primary', 'standby'].map((name) =>
    readFile(join(rig.servers.folder, name, 'server.log'), 'utf8'),
  )
  const text = (await Promise.all(logs)).join('\n')
  expect(text).toContain('written down')
  expect(text).not.toContain('never run')
})

describe('a string in which something is refused', () => {
  it('keeps what it committed before', async () => {
    const client = await rig.raw()
    const insert = "INSERT INTO customers (name) VALUES ('kept')"
    expect(await client.ask([query(`BEGIN; ${insert}; COMMIT; SAVEPOINT a`)])).toBe('C C C E(0A000) Z(I)')
    expect(await rig.onPrimary("SELECT name FROM customers WHERE name = 'kept'")).toHaveLength(1)
    await client.ask([query('BEGIN')])
    await client.ask([query("DELETE FROM customers WHERE name = 'kept'")])
    expect(await client.ask([query('SELECT 1; COMMIT; LOCK TABLE orders')])).toBe('T D C C E(0A000) Z(I)')
    expect(await rig.onPrimary("SELECT name FROM customers WHERE name = 'kept'")).toEqual([])
  })

  it('leaves the transaction that it opened aborted, and runs what stands before', async () => {
    const client = await rig.raw()
    expect(await client.ask([query('BEGIN; SELECT 1; SAVEPOINT a; SELECT 2')])).toBe('C T D C E(0A000) Z(E)')
    expect(await client.ask([query('ROLLBACK; SELECT 1; COMMIT; SELECT 2')])).toMatch(
      /^C T D C C T D C Z\(I\)$/,
    )
  })

  it('runs nothing of it as one implicit transaction', async () => {
    const client = await rig.raw()
    expect(await client.ask([query('/* a comment */ SAVEPOINT a')])).toBe('E(0A000) Z(I)')
    expect(await client.ask([query("INSERT INTO customers (name) VALUES ('gone'); SAVEPOINT a")])).toBe(
      'E(0A000) Z(I)',
    )
    expect(await rig.onPrimary("SELECT name FROM customers WHERE name = 'gone'")).toEqual([])
  })
})

describe('savepoints, where they are assumed to be refused only after something was forwarded', () => {
  let client: RawClient
  beforeAll(async () => {
    const endpoint = await rig.endpointWith({ assumptions: { 'savepoint-refusal': 'after-forwarding' } })
    client = await RawClient.connect(endpoint, { user: 'postgres' })
  })
  afterAll(() => client.destroy())
  const ask = (sql: string) => client.ask([query(sql)])

  it('work until then, in both protocols, and are refused from then on', async () => {
    expect(await ask('BEGIN')).toBe('C Z(T)')
    expect(await client.ask([parse('SAVEPOINT a'), bind(), execute(), sync])).toBe('1 2 C Z(T)')
    expect(await ask('SELECT 1/0')).toBe('E(22012) Z(E)')
    expect(await ask('ROLLBACK TO a')).toBe('C Z(T)')
    expect(await ask('RELEASE a; SAVEPOINT b')).toBe('C C Z(T)')
    expect(await ask('UPDATE customers SET name = name')).toBe('C Z(T)')
    expect(await client.ask([parse('ROLLBACK TO b'), bind(), execute(), sync])).toBe('E(0A000) Z(E)')
    expect(await ask('COMMIT')).toBe('C Z(I)')
    expect(await ask('BEGIN; UPDATE customers SET name = name; SAVEPOINT a')).toBe('C C E(0A000) Z(E)')
    expect(await ask('ROLLBACK')).toBe('C Z(I)')
  })

  it('take back the settings that were made behind them, on the writer too', async () => {
    await ask("SET app.kept = 'before'")
    await ask("BEGIN; SAVEPOINT a; SET app.kept = 'taken back'; SET LOCAL app.local = 'taken back'")
    await ask('ROLLBACK TO a')
    client.send(
      query(
        "UPDATE customers SET name = name WHERE name = 'Ada' RETURNING current_setting('app.kept'), current_setting('app.local', true)",
      ),
    )
    const row = (await client.until('Z')).find(({ type }) => type === 'D')!
    expect(row.bytes.toString('latin1')).toContain('before')
    expect(row.bytes.toString('latin1')).not.toContain('taken back')
    await ask('COMMIT')
    client.send(query("SELECT current_setting('app.kept')"))
    expect(String((await client.until('Z')).find(({ type }) => type === 'D')!.bytes)).toContain('before')
  })
})
