import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { classify, judge } from '../src/index.ts'
import type { Statement } from '../src/index.ts'
import { STATEMENTS } from './statements.ts'

const one = (sql: string): Statement => classify(sql)[0]!

function expectSound(statement: Statement, sql: string): void {
  expect(
    Object.isFrozen(statement) && Object.isFrozen(statement.hits) && Object.isFrozen(statement.functions),
  ).toBe(true)
  expect(sql.slice(statement.start, statement.end)).toBe(statement.text)
  for (const { start, end } of [...statement.hits, ...statement.functions]) {
    expect(start).toBeGreaterThanOrEqual(0)
    expect(end).toBeGreaterThanOrEqual(start)
    expect(end).toBeLessThanOrEqual(sql.length)
  }
  expect(['local', 'forward', 'refuse']).toContain(judge(statement, 'aws-global').verdict)
  if (statement.inner) expectSound(statement.inner, sql)
}

describe('a statement', () => {
  it('tells what it reads, writes and locks', () => {
    expect(one('SELECT 1')).toMatchObject({ reads: true, writes: false, locks: false })
    expect(one('INSERT INTO t VALUES (1)')).toMatchObject({ reads: false, writes: true, locks: false })
    expect(one('INSERT INTO t VALUES (1) RETURNING a')).toMatchObject({ reads: true, writes: true })
    expect(one('SELECT 1 FROM t FOR SHARE')).toMatchObject({ reads: true, writes: false, locks: true })
    expect(one("SELECT nextval('s')")).toMatchObject({ reads: true, writes: true })
    expect(one("SELECT currval('s'), lastval()")).toMatchObject({ writes: false, hits: [] })
    expect(one('LOCK t')).toMatchObject({ reads: false, writes: false, locks: true })
    expect(one('COPY t FROM STDIN')).toMatchObject({ reads: false, writes: true })
    expect(one('COPY t TO STDOUT')).toMatchObject({ reads: true, writes: false })
  })

  it('tells what it does to the transaction', () => {
    expect(
      one('START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, DEFERRABLE').transaction,
    ).toEqual({
      action: 'begin',
      isolationLevel: 'repeatable read',
      readOnly: true,
      deferrable: true,
    })
    expect(one('BEGIN READ WRITE').transaction).toEqual({ action: 'begin', readOnly: false })
    expect(one('END').transaction).toEqual({ action: 'commit' })
    expect(one('ROLLBACK AND CHAIN').transaction).toEqual({ action: 'rollback', chain: true })
    expect(one('SAVEPOINT "A b"').transaction).toEqual({ action: 'savepoint', name: 'A b' })
    expect(one('RELEASE SAVEPOINT a').transaction).toEqual({ action: 'release', name: 'a' })
    expect(one('ROLLBACK TO a').transaction).toEqual({ action: 'rollback-to', name: 'a' })
    expect(one("PREPARE TRANSACTION 'x'").transaction).toEqual({ action: 'prepare-transaction', name: 'x' })
    expect(one("COMMIT PREPARED 'x'").transaction).toEqual({ action: 'commit-prepared', name: 'x' })
    expect(one('SET TRANSACTION READ ONLY').transaction).toEqual({
      action: 'set-transaction',
      readOnly: true,
    })
    expect(one("SET TRANSACTION SNAPSHOT 'x'").transaction).toEqual({ action: 'set-transaction' })
    expect(one('SELECT 1').transaction).toBeUndefined()
  })

  it('tells what it does to the settings', () => {
    expect(one('SET Search_Path = a').setting).toEqual({
      action: 'set',
      name: 'search_path',
      value: 'a',
      local: false,
    })
    expect(one('SET LOCAL app.who TO $$x$$').setting).toEqual({
      action: 'set',
      name: 'app.who',
      value: 'x',
      local: true,
    })
    expect(one('SET a TO DEFAULT').setting).toEqual({ action: 'reset', name: 'a', local: false })
    expect(one('RESET a').setting).toEqual({ action: 'reset', name: 'a', local: false })
    expect(one('RESET ALL').setting).toEqual({ action: 'reset-all', local: false })
    expect(one("SELECT set_config('App.User', 'x', true)").setting).toEqual({
      action: 'set',
      name: 'app.user',
      value: 'x',
      valueAt: { start: 30, end: 33 },
      local: true,
    })
    expect(one("SELECT set_config($1, 'x', false)").setting).toEqual({
      action: 'set',
      value: 'x',
      valueAt: { start: 22, end: 25 },
      local: false,
    })
    expect(one('SET a = b, c').setting).toEqual({ action: 'set', name: 'a', local: false })
    expect(one("SELECT set_config('a', $1, false)").setting).toEqual({
      action: 'set',
      name: 'a',
      local: false,
    })
    expect(one('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY').setting).toEqual({
      action: 'set',
      name: 'session characteristics',
      local: false,
    })
  })

  it('names its functions, with the schema only where it is written', () => {
    const sql = 'SELECT extract(year FROM now()), app."Fee"(1), COUNT(*)'
    expect(one(sql).functions.map((f) => [f.schema, f.name, sql.slice(f.start, f.end)])).toEqual([
      [undefined, 'extract', 'extract'],
      [undefined, 'now', 'now'],
      ['app', 'Fee', 'app."Fee"'],
      [undefined, 'count', 'COUNT'],
    ])
  })

  it('does not take a function of the user for PostgreSQL’s of the same name', () => {
    expect(one("SELECT app.set_config('a', 'b', true)")).toMatchObject({ hits: [{ rule: 'user-function' }] })
    expect(one("SELECT app.set_config('a', 'b', true)").setting).toBeUndefined()
    expect(one('SELECT app.lo_open(1, 262144)').hits).toMatchObject([{ rule: 'user-function' }])
    expect(one('SELECT lo_open(1, 131072), lo_open(1, $1)').hits).toHaveLength(2)
  })

  it('names what it prepares, runs, declares, fetches and forgets', () => {
    expect(one('PREPARE p (int) AS SELECT $1').name).toBe('p')
    expect(one('EXECUTE "P q"(1)').name).toBe('P q')
    expect(one('DEALLOCATE p').name).toBe('p')
    expect(one('DEALLOCATE ALL').name).toBeUndefined()
    expect(one('DECLARE c CURSOR FOR SELECT 1').name).toBe('c')
    expect(one('FETCH ALL FROM c').name).toBe('c')
    expect(one('CLOSE c').name).toBe('c')
    expect(one('CLOSE ALL').name).toBeUndefined()
  })

  it.each([
    ['EXPLAIN ANALYZE /* x */ INSERT INTO t VALUES (1)', 'INSERT INTO t VALUES (1)'],
    ['EXPLAIN (ANALYZE, FORMAT json) (SELECT 1)', '(SELECT 1)'],
    ['explain analyze verbose SELECT 1', 'SELECT 1'],
    ['PREPARE p (int, text) AS WITH x AS (SELECT 1) DELETE FROM t', 'WITH x AS (SELECT 1) DELETE FROM t'],
    ['DECLARE "for" NO SCROLL CURSOR WITH HOLD FOR SELECT $1 FOR UPDATE', 'SELECT $1 FOR UPDATE'],
  ])('holds the statement inside: %s', (sql, inner) => {
    expect(one(sql).inner?.text).toBe(inner)
  })

  it('is found once and kept', () => {
    expect(classify('SELECT 42')).toBe(classify('SELECT 42'))
    expect(Object.isFrozen(classify('SELECT 42'))).toBe(true)
  })

  it('underlines the right words behind any text at all', () => {
    const literal = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .map((text) => `'${text.replaceAll("'", "''").replaceAll('\0', '')}'`)
    const withWords = fc.constantFrom(
      ...STATEMENTS.filter(({ words }) => words !== undefined && words.length > 0),
    )
    fc.assert(
      fc.property(literal, withWords, (prefix, { sql, rules, words }) => {
        if (rules.includes('unparsed')) return
        const text = `SELECT ${prefix}; ${sql}`
        const hits = classify(text).flatMap((statement) => statement.hits)
        expect(hits.map(({ start, end }) => text.slice(start, end))).toEqual(words)
        for (const statement of classify(text)) expectSound(statement, text)
      }),
    )
  })

  it.each([
    ['CREATE TEMP TABLE a (x int); CREATE TABLE pg_temp.b (x int)', ['TEMP', 'pg_temp.b']],
    ['SELECT temp FROM t; CREATE TABLE pg_temp.b (x int)', ['pg_temp.b']],
    ['SELECT temp INTO pg_temp.b FROM t', ['INTO', 'pg_temp.b']],
  ])('underlines no word of another statement or of another meaning: %s', (sql, words) => {
    const hits = classify(sql).flatMap((statement) => statement.hits)
    expect(hits.map(({ start, end }) => sql.slice(start, end))).toEqual(words)
  })

  it.each([
    ['row locks', (n: number) => `SELECT ${'(SELECT 1 FROM t FOR UPDATE), '.repeat(n)}1`],
    ['row locks of every strength', (n: number) => `SELECT 1 FROM t ${'FOR KEY SHARE OF t '.repeat(n)}`],
    ['temporary tables', (n: number) => 'CREATE TABLE pg_temp.a (x int); '.repeat(n)],
    ['writing CTEs', (n: number) => `WITH ${'x AS (DELETE FROM t), '.repeat(n)} y AS (SELECT 1) SELECT 1`],
  ])('looks at each word of many %s a few times at most', (_what, text) => {
    const looks = (sql: string) => {
      const reading = vi.spyOn(String.prototype, 'toUpperCase')
      try {
        expect(classify(sql)).not.toMatchObject([{ kind: 'unparsed' }])
        return reading.mock.calls.length
      } finally {
        reading.mockRestore()
      }
    }
    expect(looks(text(400))).toBeLessThan(3 * looks(text(200)) + 100)
  })

  it('comes of any text without an error', () => {
    const words = STATEMENTS.flatMap(({ sql }) => sql.split(/(?<=\s)/))
    const soup = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 3 })), {
      maxLength: 25,
    })
    const bytes = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw).toString('latin1'))
    fc.assert(
      fc.property(
        fc.oneof(
          soup.map((parts) => parts.join('')),
          bytes,
          fc.string({ unit: 'binary' }),
        ),
        (sql) => {
          for (const statement of classify(sql)) expectSound(statement, sql)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})
