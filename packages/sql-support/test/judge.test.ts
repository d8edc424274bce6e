import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classify, classifyKnex, classifyTemplate, judge, resolveProfile } from '../src/index.ts'
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

  it.each([
    'UPDATE ?? SET ? WHERE ?',
    '?',
    '? ON CONFLICT DO NOTHING',
    'LOCK TABLE ?? IN ?? MODE',
    'NOTIFY ??, ?',
    'DO ?',
    '? ; SAVEPOINT a',
    'BEGIN ISOLATION LEVEL ?',
  ])('forwards %j, which does not parse, without knowing', (sql) => {
    const [statement] = classifyKnex(sql)
    expect(statement).toMatchObject({ kind: 'unparsed', hits: [{ rule: 'unparsed' }] })
    expect(judge(statement!, 'aws-local')).toMatchObject({
      verdict: 'forward',
      known: 'unknown',
      rule: 'unparsed',
    })
  })

  it.each([
    'EXPLAIN ANALYZE ?',
    'PREPARE p AS ?',
    'WITH x AS (?) SELECT * FROM x',
    'SELECT 1; WITH x AS (?) SELECT 1',
    'SELECT ??(1)',
  ])('forwards %j, whose query or function is not known, without knowing', (sql) => {
    const statement = classifyKnex(sql).at(-1)!
    expect(statement.hits).toEqual([])
    expect(judge(statement, 'aws-local')).toEqual({
      verdict: 'forward',
      known: 'unknown',
      span: { start: statement.start, end: statement.end },
    })
  })

  it('leaves a read of mere values on the reader', () => {
    const [first, second] = classifyKnex('SELECT ?? FROM ?? WHERE a = ?; WITH x AS (?) SELECT 1')
    expect(judge(first!, 'aws-local')).toMatchObject({ verdict: 'local', known: 'documented' })
    expect(judge(second!, 'aws-local')).toMatchObject({ verdict: 'forward', known: 'unknown' })
  })

  it('refuses CALL, whatever the name of the procedure', () => {
    for (const [statement] of [classifyKnex('CALL ??(?)'), classifyTemplate(['CALL ', '(', ')'])])
      expect(judge(statement!, 'aws-local')).toEqual({
        verdict: 'refuse',
        known: 'documented',
        rule: 'user-function',
        span: { start: statement!.start, end: statement!.end },
      })
  })

  it('never leaves on the reader what does not parse', () => {
    const words = [
      'SELECT',
      'UPDATE',
      'SET',
      'DO',
      'NOTIFY',
      'LOCK',
      'FROM',
      't',
      'a',
      '?',
      '??',
      ':a',
      ':a:',
    ]
    const part = fc.constantFrom(...words, ',', '(', ')', ';', '=', '$1', "'", '--', '*')
    const chunk = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(' '))
    fc.assert(
      fc.property(fc.array(chunk, { minLength: 1, maxLength: 3 }), (chunks) => {
        const sql = chunks.join(' ')
        for (const statement of [...classify(sql), ...classifyKnex(sql), ...classifyTemplate(chunks, 'all')])
          if (statement.kind === 'unparsed')
            expect(judge(statement, 'aws-local')).toMatchObject({ verdict: 'forward', known: 'unknown' })
      }),
    )
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
