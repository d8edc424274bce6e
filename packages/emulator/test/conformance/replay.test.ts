import { ruleIds, type AwsProfile } from '@knex-flatten/sql-support'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { listAssumptions } from '../../src/assumptions/assumptions.ts'
import { main } from '../../src/cli/main.ts'
import { conformanceCases, replay, type CaseResult } from '../../src/conformance/index.ts'
import type { ServerAddress } from '../../src/servers.ts'
import { useRig } from '../endpoint/rig.ts'

const rig = useRig()
const url = ({ host, port }: Pick<ServerAddress, 'host' | 'port'>) =>
  `postgres://postgres@${host}:${port}/postgres`
const profiles: readonly AwsProfile[] = ['aws-local', 'aws-global']
const schemas = () => rig.onPrimary("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'forwarding%'")
const told = (results: readonly CaseResult[]) =>
  results.flatMap(({ id, differences }) =>
    differences.map(({ session, sql, mismatches }) => `${id} (${session}) ${sql}: ${mismatches.join('; ')}`),
  )

describe.each(profiles)('the cases for %s', (profile) => {
  it('all hold on the emulator', async () => {
    const endpoint = await rig.endpointWith({ profile })
    const results = await replay({ readerUrl: url(endpoint), writerUrl: url(rig.servers.primary), profile })
    expect(told(results)).toEqual([])
    expect(results).toHaveLength(conformanceCases(profile).length)
    expect(results.filter(({ deviations }) => deviations.length > 0).map(({ id }) => id)).toEqual([
      'read-after-write',
    ])
    expect(await schemas()).toEqual([])
  })

  it('have ids of their own, say where they come from, and are plain data', () => {
    const cases = conformanceCases(profile)
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length)
    expect(JSON.parse(JSON.stringify(cases))).toEqual(cases)
    for (const { source, steps, title } of cases) {
      expect(source).toMatch(/^https:\/\//)
      expect(steps.length).toBeGreaterThan(0)
      expect(title).toMatch(/[^.]$/)
    }
    expect(cases.map(({ tells }) => tells)).toEqual(expect.arrayContaining([...ruleIds]))
  })
})

it('tells what a plain standby does instead', async () => {
  const seen: string[] = []
  const results = await replay({
    readerUrl: url(rig.servers.standby),
    writerUrl: url(rig.servers.primary),
    onProgress: ({ id }) => seen.push(id),
  })
  expect(seen).toEqual(conformanceCases('aws-local').map(({ id }) => id))
  const differing = results.filter(({ differences }) => differences.length > 0).map(({ id }) => id)
  expect(differing).toEqual(
    expect.arrayContaining([
      'dml-forwards',
      'lock-for-share',
      'error-context',
      'rule-savepoint',
      'rule-cursor',
    ]),
  )
  expect(differing).not.toContain('rule-ddl')
  expect(differing).not.toContain('read-stays')
  const savepoint = results.find(({ id }) => id === 'rule-savepoint')!
  expect(savepoint.differences[0]).toEqual({
    session: 'inside, simple',
    sql: 'SAVEPOINT a',
    mismatches: ['outcome: expected 0A000, seen success'],
  })
  expect(await schemas()).toEqual([])
})

it('expects what is assumed of a reader', async () => {
  const assumptions = {
    'on-conflict': 'refuse',
    merge: 'local',
    'advisory-lock': 'forward',
    'refusal-sqlstate': '0A001',
    'savepoint-refusal': 'after-forwarding',
    'portal-fetch': 'refuse',
  }
  const endpoint = await rig.endpointWith({ assumptions })
  const ends = { readerUrl: url(endpoint), writerUrl: url(rig.servers.primary) }
  const cases = conformanceCases('aws-local', assumptions).filter(({ id }) => id.startsWith('rule-'))
  expect(told(await replay({ ...ends, cases }))).toEqual([])
  const changed = ['on-conflict', 'merge', 'advisory-lock', 'portal-fetch', 'savepoint', 'lock-table']
  const usual = await replay({
    ...ends,
    cases: conformanceCases('aws-local').filter(({ tells }) => changed.includes(tells)),
  })
  expect(usual.filter(({ differences }) => differences.length === 0)).toEqual([])
  expect(usual).toHaveLength(changed.length)
})

it.each(['local', 'forward', 'refuse'])(
  'finds every verdict that is assumed where all are %s',
  async (value) => {
    const profile = 'aws-global'
    const open = listAssumptions(profile).filter(
      ({ about, values }) => about === 'verdict' && values.includes(value),
    )
    const assumptions = Object.fromEntries(open.map(({ id }) => [id, value]))
    const endpoint = await rig.endpointWith({ profile, assumptions })
    const cases = conformanceCases(profile, assumptions).filter(({ tells }) => tells in assumptions)
    expect(cases).toHaveLength(open.length)
    expect(
      told(await replay({ readerUrl: url(endpoint), writerUrl: url(rig.servers.primary), cases })),
    ).toEqual([])
  },
)

describe('forwarding-reader conformance', () => {
  afterEach(() => void vi.restoreAllMocks())
  const run = async (...args: string[]) => {
    const written = { out: '', err: '' }
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((written.out += String(text)), true))
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((written.err += String(text)), true))
    const code = await main(['conformance', ...args])
    vi.restoreAllMocks()
    return { code, ...written }
  }
  const on = (reader: Pick<ServerAddress, 'host' | 'port'>) => [
    '--reader',
    url(reader),
    '--writer',
    url(rig.servers.primary),
  ]

  it('tells that everything is as expected, and where the emulator knowingly differs', async () => {
    const { code, out, err } = await run(
      ...on(rig.endpoint),
      '--case',
      'read-after-write',
      '--case',
      'read-stays',
    )
    expect(code).toBe(0)
    expect(out).toMatch(
      /^~ read-after-write: .*\n {2}not so here: a plain standby cannot show uncommitted rows/,
    )
    expect(out).toMatch(/2 cases: 2 as expected, 0 with differences\n$/)
    expect(err).toBe('1/2 read-after-write\n2/2 read-stays\n')
  })

  it('tells the differences step by step, and by its exit code', async () => {
    const { code, out } = await run(...on(rig.servers.standby), '--case', 'rule-savepoint')
    expect(code).toBe(1)
    expect(out).toBe(`✗ rule-savepoint: Savepoints: SAVEPOINT, RELEASE, ROLLBACK TO: refuse
  tells of savepoint, which is documented
  session "inside, simple": SAVEPOINT a
    outcome: expected 0A000, seen success
  session "inside, simple": SELECT 1
    outcome: expected 25P02, seen success
  session "inside, simple": COMMIT
    command: expected ROLLBACK, seen COMMIT
  session "inside, extended": SAVEPOINT a
    outcome: expected 0A000, seen success
  session "inside, extended": SELECT 1
    outcome: expected 25P02, seen success
  session "inside, extended": COMMIT
    command: expected ROLLBACK, seen COMMIT

1 case: 0 as expected, 1 with differences
`)
  })

  it('tells them as JSON', async () => {
    const { code, out } = await run(...on(rig.servers.standby), '--case', 'lock-for-share', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject([{ id: 'lock-for-share', tells: 'row-lock', known: 'documented' }])
  })

  it('exits with 2 where nothing could be replayed, and says why', async () => {
    const ends = ['--reader', url(rig.servers.primary), '--writer', url(rig.servers.primary)]
    const { code, err } = await run(...ends)
    expect([code, err]).toEqual([2, expect.stringContaining('not in recovery')])
    expect((await run('--help')).out).toMatch(/^Replays what a forwarding reader/)
    expect(await run('--reader', 'nowhere')).toMatchObject({
      code: 2,
      err: expect.stringContaining("Option '--reader' is not a URL"),
    })
    expect(await run('--reader', ends[1]!)).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /Option '--writer' is needed.*\nSee forwarding-reader conformance --help\.\n$/,
      ),
    })
    expect((await run(...ends, '--case', 'x')).err).toMatch(/There is no case 'x'. Allowed: read-stays, /)
    expect((await run(...ends, '--assume', 'merge=maybe')).err).toMatch(/allowed: local, forward, refuse/)
  })
})

it('drops its schema when a case cannot be set up', async () => {
  const [first] = conformanceCases('aws-local')
  const broken = { ...first!, setup: ['CREATE TABLE {schema}.item ()'] }
  const ends = { readerUrl: url(rig.endpoint), writerUrl: url(rig.servers.primary) }
  await expect(replay({ ...ends, cases: [broken] })).rejects.toMatchObject({ code: '42P07' })
  expect(await schemas()).toEqual([])
})

it('drops its schema though a session of the case holds a lock on it, and leaves no session behind', async () => {
  const [first] = conformanceCases('aws-local')
  const held = {
    ...first!,
    steps: [
      { on: 'writer', sql: 'BEGIN', expect: {} },
      { on: 'writer', sql: 'LOCK TABLE {schema}.item', expect: {} },
    ],
  } as const
  const sessions = () =>
    rig.onPrimary(
      "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    )
  const before = await sessions()
  const ends = { readerUrl: url(rig.servers.standby), writerUrl: url(rig.servers.primary) }
  expect(told(await replay({ ...ends, cases: [held] }))).toEqual([])
  expect(await schemas()).toEqual([])
  await expect.poll(sessions).toEqual(before)
})

it.each([
  ['a reader that is a writer', 'primary', 'primary', /not in recovery/],
  ['a writer that is a reader', 'standby', 'standby', /server in recovery/],
] as const)('refuses %s', async (_, reader, writer, message) => {
  const ends = { readerUrl: url(rig.servers[reader]), writerUrl: url(rig.servers[writer]) }
  await expect(replay(ends)).rejects.toMatchObject({
    code: 'EMULATOR_REPLAY',
    message: expect.stringMatching(message),
  })
})

it('says which end cannot be reached', async () => {
  const ends = { readerUrl: 'postgres://postgres@127.0.0.1:1/postgres', writerUrl: url(rig.servers.primary) }
  await expect(replay(ends)).rejects.toMatchObject({
    code: 'EMULATOR_REPLAY',
    message: expect.stringContaining('The reader cannot be reached: connect ECONNREFUSED 127.0.0.1:1'),
  })
})
