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

/** Under the rules that refuse them, since each test costs a look at both servers. */
function byRule(profile: AwsProfile, list: readonly StatementCase[]): [string, StatementCase[]][] {
  const groups = new Map<string, StatementCase[]>()
  for (const each of list) {
    const rule = refusalsOf(each.sql, profile)[0]?.rule ?? 'none'
    groups.set(rule, [...(groups.get(rule) ?? []), each])
  }
  return [...groups]
}

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

  /** Sends all at once; of each unit its error, or the last letter before ReadyForQuery, and how the transaction stands then. */
  const answers = async (units: readonly (readonly Buffer[])[]) => {
    client.send(...units.flat())
    const outcomes: string[] = []
    for (const {} of units) {
      const unit = await client.until('Z')
      const command = unit.findLast(({ type }) => type === 'C')?.bytes.toString('latin1', 5, 13)
      outcomes.push(`${errorIn(unit)?.sqlstate ?? command ?? ''} ${shape(unit).slice(-2, -1)}`)
    }
    return outcomes
  }
  /** Cleans up, however a session stands. */
  const after = [
    'ROLLBACK',
    'RESET default_transaction_isolation',
    'DEALLOCATE ALL',
    'ROLLBACK; DEALLOCATE ALL; RESET ALL',
  ].map(simple)

  /** What a refused one is answered with: the emulator's own SQLSTATE, or the standby's. */
  const before16 = Number(process.env['FORWARDING_READER_POSTGRES'] ?? 16) < 16
  const expected = ({ sql, standby, standbyBefore16 }: StatementCase) =>
    refusalsOf(sql, profile).some(byEmulator) ? '0A000' : (before16 && standbyBefore16) || standby

  const known = byRule(profile, cases(profile))
  it.each(known)('is refused or not as the table says, outside a transaction: rule %s', async (_, group) => {
    for (const { sql, setup = [], ...rest } of group) {
      const refused = refusalsOf(sql, profile)
      const single = classify(sql).length === 1
      for (const messages of [simple(sql), ...(single ? [extended(sql)] : [])]) {
        endpoint.reset()
        const outcomes = await answers([...setup.map(simple), messages, ...after])
        if (refused.length === 0) {
          expect(endpoint.refusals(), sql).toEqual([])
          continue
        }
        const sqlstate = expected({ sql, setup, ...rest })
        // A setting that no standby minds is no refusal of a standby's.
        if (sqlstate !== undefined) expect(outcomes[setup.length]?.split(' ')[0], sql).toBe(sqlstate)
        const rules = refused.map(({ rule }) => rule)
        expect(rules, sql).toContain(endpoint.refusals()[0]?.rule ?? 'serializable')
      }
    }
  })

  const inside = known.map(([rule, group]): [string, StatementCase[]] => [
    rule,
    group.filter(({ sql }) => refusalsOf(sql, profile).some(byEmulator) && classify(sql).length === 1),
  ])
  it.each(inside.filter(([, group]) => group.length > 0))(
    'aborts its transaction, before and after a write: rule %s',
    async (_, group) => {
      for (const { sql, setup = [] } of group) {
        for (const write of ['SELECT 1', "UPDATE customers SET name = name WHERE name = 'Ada'"]) {
          for (const messages of [simple(sql), extended(sql)]) {
            const before = ['BEGIN', ...setup.filter((each) => each !== 'BEGIN')].map(simple)
            const around = [simple(write), messages, simple('SELECT 1'), messages, simple('COMMIT')]
            const outcomes = await answers([...before, ...around, simple('DEALLOCATE ALL')])
            const written = write === 'SELECT 1' ? 'SELECT 1' : 'UPDATE 1'
            expect(outcomes.slice(before.length, -1), sql).toEqual([
              `${written} T`,
              '0A000 E',
              '25P02 E',
              '25P02 E',
              'ROLLBACK I',
            ])
          }
        }
      }
    },
  )
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
