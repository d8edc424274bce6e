import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { assumptionsPage, PAGE } from '../../scripts/assumptions-page.ts'
import { assume, listAssumptions } from '../../src/assumptions/assumptions.ts'
import { parseArguments } from '../../src/cli/arguments.ts'
import { showAssumptions } from '../../src/cli/show-assumptions.ts'

const refused = (act: () => unknown, message: string | RegExp) =>
  expect(act).toThrow(
    expect.objectContaining({
      code: 'EMULATOR_OPTIONS',
      message:
        typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    }),
  )

describe('listAssumptions', () => {
  it('lists every rule of the profile that is not documented, and every switch', () => {
    const ids = listAssumptions('aws-local').map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining(['on-conflict', 'merge', 'temp-table', 'refusal-sqlstate']))
    expect(ids).not.toContain('savepoint')
    expect(ids).not.toContain('sequence')
    expect(listAssumptions('aws-global').map(({ id }) => id)).toContain('sequence')
  })

  it.each(listAssumptions('aws-global'))('says of $id what is unknown and which page is silent', (each) => {
    expect(each.unknown).toMatch(/\.$/)
    expect(each.source).toMatch(/^https:\/\//)
    expect(each.title).not.toMatch(/\.$/)
    expect(each.values).toContain(each.id.endsWith('-sqlstate') ? 'any SQLSTATE' : each.default)
  })
})

describe('assume', () => {
  it('takes the defaults where nothing is chosen', () => {
    expect(assume('aws-local')).toEqual({
      profile: 'aws-local',
      assumptions: expect.objectContaining({ 'refusal-sqlstate': '0A000' }),
    })
  })

  it('lays a chosen verdict over the profile, which tells so by its name', () => {
    expect(assume('aws-local', { 'on-conflict': 'refuse', merge: 'local' }).profile).toEqual({
      name: 'aws-local, on-conflict=refuse, merge=local',
      extends: 'aws-local',
      verdicts: {
        'on-conflict': { verdict: 'refuse', known: 'assumed' },
        merge: { verdict: 'local', known: 'assumed' },
      },
    })
    const measured = { verdict: 'refuse', known: 'measured' } as const
    const own = { name: 'mine', extends: 'aws-global', verdicts: { 'do-block': measured } } as const
    expect(assume(own, { merge: 'refuse' }).profile).toMatchObject({
      extends: 'aws-global',
      verdicts: { 'do-block': measured, merge: { verdict: 'refuse', known: 'assumed' } },
    })
  })

  it('refuses an id or a value that is not among them, with those that are', () => {
    refused(
      () => assume('aws-local', { 'on-conflikt': 'refuse' }),
      /no assumption 'on-conflikt'.*Allowed: on-conflict, merge/,
    )
    refused(
      () => assume('aws-local', { merge: 'maybe' }),
      "Assumption 'merge' is 'maybe'; allowed: local, forward, refuse.",
    )
    refused(() => assume('aws-local', { 'portal-fetch': 'forward' }), 'allowed: local, refuse.')
    refused(() => assume('aws-local', { 'refusal-sqlstate': '00000' }), 'allowed: any SQLSTATE.')
    refused(() => assume('aws-local', { savepoint: 'local' }), "under profile 'aws-local': it is documented")
    refused(() => assume('aws-local', { toString: 'local' }), "no assumption 'toString'")
    refused(() => assume('aws-local', { merge: 1 as unknown as string }), "Assumption 'merge' is '1'")
  })
})

describe('the command line', () => {
  it('takes --assume any number of times', () => {
    expect(parseArguments(['--assume', 'merge=refuse', '--assume', 'on-conflict=refuse'])).toMatchObject({
      run: 'start',
      options: { assumptions: { merge: 'refuse', 'on-conflict': 'refuse' } },
    })
    refused(
      () => parseArguments(['--assume', 'merge']),
      "Option '--assume' is 'merge'; allowed: an assumption’s id".replace('’', "'"),
    )
    refused(() => parseArguments(['--assume', 'merg=local']), "no assumption 'merg'")
  })

  it('lists what is assumed, the chosen value in brackets', () => {
    const command = parseArguments(['--assumptions', '--assume', 'merge=refuse', '--profile', 'aws-global'])
    expect(command).toEqual({
      run: 'assumptions',
      json: false,
      profile: 'aws-global',
      chosen: { merge: 'refuse' },
    })
    const shown = showAssumptions(listAssumptions('aws-global'), {
      merge: 'refuse',
      'refusal-sqlstate': '25006',
    })
    expect(shown).toMatch(/^merge +local forward \[refuse\]$/m)
    expect(shown).toMatch(/^refusal-sqlstate +\[25006\] any SQLSTATE$/m)
    expect(Math.max(...shown.split('\n').map((line) => line.length))).toBeLessThanOrEqual(150)
  })
})

it('is what docs/emulator/assumptions.md shows (else: npm run docs)', () => {
  expect(readFileSync(PAGE, 'utf8')).toBe(assumptionsPage())
})
