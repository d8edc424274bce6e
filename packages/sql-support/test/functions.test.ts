import { describe, expect, it } from 'vitest'
import { classify, judge, readFunctionBody, withFunctions } from '../src/index.ts'

describe('readFunctionBody', () => {
  it('tells an EXCEPTION part from RAISE EXCEPTION, a comment and a string', () => {
    const handles = (body: string) => readFunctionBody('plpgsql', body).handlesExceptions
    expect(handles('BEGIN PERFORM 1; exception /* so */ when others THEN NULL; END')).toBe(true)
    expect(handles("BEGIN RAISE EXCEPTION 'when'; END")).toBe(false)
    expect(handles("BEGIN -- EXCEPTION WHEN\n PERFORM 'EXCEPTION WHEN'; END")).toBe(false)
    expect(readFunctionBody('plpython3u', 'EXCEPTION WHEN f()')).toEqual({
      handlesExceptions: false,
      calls: [],
    })
    expect(readFunctionBody('sql', 'SELECT 1').handlesExceptions).toBe(false)
  })

  it('names what it may call, but not PostgreSQL’s own', () => {
    const body = 'BEGIN PERFORM lower(f(1)); CALL app."My ""P""" (2); IF g (3) THEN RETURN now(); END IF; END'
    expect(readFunctionBody('plpgsql', body).calls).toEqual(['f', 'My "P"', 'g'])
    expect(readFunctionBody('sql', "SELECT 'f(1)', a /* f(1) */ FROM t").calls).toEqual([])
  })
})

describe('withFunctions', () => {
  const judged = (sql: string, ...found: Parameters<typeof withFunctions>[1]) =>
    judge(withFunctions(classify(sql)[0]!, found), 'aws-local')
  const user = { userDefined: true, handlesExceptions: false }

  it('takes the database’s word that a name is no user’s function, or is one', () => {
    expect(judged('SELECT ext(1)')).toMatchObject({ verdict: 'local', known: 'documented' })
    expect(judged("SELECT 'é', lower(1)", { name: 'lower', ...user })).toEqual({
      verdict: 'refuse',
      known: 'documented',
      rule: 'user-function',
      span: { start: 12, end: 17 },
    })
  })

  it('sees a body’s EXCEPTION in a function that does not count as user-defined', () => {
    const found = { name: 'ext', userDefined: false, handlesExceptions: true }
    expect(judged('SELECT ext(1)', found)).toMatchObject({ rule: 'plpgsql-exception', verdict: 'refuse' })
  })

  it('leaves the other rules, and reaches the statement inside', () => {
    expect(judged('SELECT f(nextval($$s$$))')).toMatchObject({ rule: 'sequence' })
    const prepared = withFunctions(classify('PREPARE p AS SELECT f(1)')[0]!, [])
    expect([prepared.hits, prepared.inner?.hits]).toEqual([[], []])
  })
})

describe('functions of PostgreSQL’s own that change the catalog', () => {
  it.each([
    'pg_restore_relation_stats',
    'pg_restore_attribute_stats',
    'pg_clear_relation_stats',
    'pg_nextoid',
  ])('%s needs the writer, also in a version that has not got it yet', (name) => {
    expect(judge(classify(`SELECT ${name}()`)[0]!, 'aws-local')).toMatchObject({
      verdict: 'refuse',
      rule: 'writer-function',
    })
  })
})
