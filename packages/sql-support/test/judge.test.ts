import { describe, expect, it } from 'vitest'
import { classify, judge, resolveProfile } from '../src/index.ts'
import type { ForwardingProfile } from '../src/index.ts'

const judged = (sql: string, profile: 'aws-global' | 'aws-local' | ForwardingProfile = 'aws-local') =>
  judge(classify(sql)[0]!, profile)

describe('judge', () => {
  it('leaves a plain read on the reader and sends a plain write to the writer', () => {
    expect(judged('SELECT 1')).toEqual({ verdict: 'local', known: 'documented', span: { start: 0, end: 8 } })
    expect(judged('DELETE FROM t')).toEqual({
      verdict: 'forward',
      known: 'documented',
      span: { start: 0, end: 13 },
    })
  })

  it('names the rule and the words that decided', () => {
    expect(judged(' SAVEPOINT a')).toEqual({
      verdict: 'refuse',
      known: 'documented',
      rule: 'savepoint',
      span: { start: 1, end: 10 },
    })
  })

  it('lets refuse win over forward, and forward over local', () => {
    expect(judged("INSERT INTO t VALUES (nextval('s')) ON CONFLICT DO NOTHING").rule).toBe('sequence')
    expect(judged('SELECT pg_advisory_lock(1) FROM t FOR UPDATE').rule).toBe('row-lock')
    expect(judged('INSERT INTO t SELECT pg_advisory_lock(1)')).toMatchObject({
      verdict: 'forward',
      known: 'documented',
    })
  })

  it('names the unknown of a write rather than the known', () => {
    expect(judged('INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING')).toMatchObject({
      verdict: 'forward',
      rule: 'on-conflict',
      known: 'unknown',
    })
  })

  it('judges PREPARE as what it prepares, and EXECUTE as local', () => {
    expect(judged('PREPARE p AS UPDATE t SET a = 1').verdict).toBe('forward')
    expect(judged('PREPARE p AS SELECT 1').verdict).toBe('local')
    expect(judged('EXECUTE p').verdict).toBe('local')
  })

  it('tells the two kinds of forwarding apart where AWS does', () => {
    expect(judged("SELECT nextval('s')", 'aws-local').known).toBe('documented')
    expect(judged("SELECT nextval('s')", 'aws-global').known).toBe('assumed')
  })

  it('follows the verdicts of a profile of one’s own', () => {
    const measured: ForwardingProfile = {
      name: 'our cluster',
      extends: 'aws-local',
      verdicts: { 'on-conflict': { verdict: 'refuse', known: 'measured' } },
    }
    expect(judged('INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING', measured)).toMatchObject({
      verdict: 'refuse',
      known: 'measured',
    })
    expect(judged('SAVEPOINT a', measured)).toEqual(judged('SAVEPOINT a', 'aws-local'))
  })
})

describe('resolveProfile', () => {
  const wrong = (profile: unknown) => () => resolveProfile(profile as ForwardingProfile)

  it('gives every rule a verdict', () => {
    expect(resolveProfile('aws-global').verdicts.savepoint).toEqual({
      verdict: 'refuse',
      known: 'documented',
    })
    const own = resolveProfile({ name: 'x', extends: 'aws-global' })
    expect(own).toEqual({ name: 'x', verdicts: resolveProfile('aws-global').verdicts })
  })

  it.each([
    ['aws-lokal', 'profile is "aws-lokal"; allowed: aws-global, aws-local, an object'],
    [null, 'profile is null; allowed: aws-global'],
    [{ name: '', extends: 'aws-local' }, 'profile.name is ""; allowed: a text of its own'],
    [{ name: 'aws-local', extends: 'aws-local' }, 'profile.name is "aws-local"'],
    [{ name: 'x' }, 'profile.extends is undefined; allowed: aws-global, aws-local'],
    [
      { name: 'x', extends: 'aws-local', verdict: {} },
      'key of a profile is "verdict"; allowed: name, extends, verdicts',
    ],
    [{ name: 'x', extends: 'aws-local', verdicts: 1 }, 'profile.verdicts is 1; allowed: an object'],
    [
      { name: 'x', extends: 'aws-local', verdicts: { savepoints: { verdict: 'local', known: 'measured' } } },
      'rule in profile.verdicts is "savepoints"; allowed: savepoint, serializable',
    ],
    [
      { name: 'x', extends: 'aws-local', verdicts: { savepoint: { verdict: 'yes', known: 'measured' } } },
      'profile.verdicts[\'savepoint\'].verdict is "yes"; allowed: local, forward, refuse',
    ],
    [
      { name: 'x', extends: 'aws-local', verdicts: { savepoint: { verdict: 'local' } } },
      "profile.verdicts['savepoint'].known is undefined; allowed: documented, measured, assumed, unknown",
    ],
  ])('refuses %j, naming the value and what is allowed', (profile, message) => {
    expect(wrong(profile)).toThrow(TypeError)
    expect(wrong(profile)).toThrow(message)
  })
})
