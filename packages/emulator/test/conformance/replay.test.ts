import { ruleIds, type AwsProfile } from '@knex-flatten/sql-support'
import { describe, expect, it } from 'vitest'
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

it('drops its schema when a case cannot be set up', async () => {
  const [first] = conformanceCases('aws-local')
  const broken = { ...first!, setup: ['CREATE TABLE {schema}.item ()'] }
  const ends = { readerUrl: url(rig.endpoint), writerUrl: url(rig.servers.primary) }
  await expect(replay({ ...ends, cases: [broken] })).rejects.toMatchObject({ code: '42P07' })
  expect(await schemas()).toEqual([])
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
