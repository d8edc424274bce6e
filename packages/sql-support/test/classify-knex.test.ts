import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { classify, classifyKnex, classifyTemplate, fromKnex } from '../src/index.ts'
import { parse } from '../src/grammar/parse.ts'
import type { Placeholders, Statement } from '../src/index.ts'

vi.mock('../src/grammar/parse.ts', { spy: true })

const hits = (statements: readonly Statement[], source: string) =>
  statements.flatMap((statement) =>
    statement.hits.map(({ rule, start, end }) => [rule, source.slice(start, end)]),
  )

describe('fromKnex', () => {
  it.each<[string, string, Placeholders?]>([
    ['SELECT ?? FROM ?? WHERE a = ?', 'SELECT "k" FROM "k" WHERE a = $3'],
    ['SELECT :a, :b:, c::int, :d::text', 'SELECT $1, "k", c::int, $3::text'],
    [
      "SELECT '?', \"?\", $$ ? :a $$, E'\\' ?', ? -- ? :a\n/* ? */",
      "SELECT '?', \"?\", $$ ? :a $$, E'\\' ?', $1 -- ? :a\n/* ? */",
    ],
    ["SELECT a \\? 'b', c \\?| d, '{}'::jsonb", "SELECT a ? 'b', c ?| d, '{}'::jsonb"],
    ['SELECT f(a := 1)', 'SELECT f(a := 1)'],
    ['INSERT INTO t VALUES ?', 'INSERT INTO t VALUES ($1)'],
    ['SELECT * FROM (?) x', 'SELECT * FROM (SELECT $1) x'],
    ['SELECT a[1:n]', 'SELECT a[1:n]', 'positional'],
    ['SELECT a ? b, :c', 'SELECT a ? b, $1', 'named'],
    ['SELECT ?', 'SELECT ?', 'none'],
  ])('turns %j into %j', (sql, text, style) => {
    expect(fromKnex(sql, style).text).toBe(text)
  })

  it('maps every place back, through any placeholders', () => {
    const part = fc.constantFrom('?', '??', ':name', ':name:', ' a ', "'?'", 'é', '😀', ', ', '::int ', '\\?')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const sql = parts.join('')
        const rewritten = fromKnex(sql)
        const { text } = rewritten
        let before = 0
        for (let at = 0; at <= text.length; at += 1) {
          const original = rewritten.toOriginal(at)
          expect(original).toBeGreaterThanOrEqual(before)
          expect(original).toBeLessThanOrEqual(sql.length)
          before = original
        }
        expect(rewritten.toOriginal(text.length)).toBe(sql.length)
      }),
    )
  })
})

describe('classifyKnex', () => {
  it('says where a setting’s value stands in the text that was handed in', () => {
    const sql = "SELECT ??, set_config('a', 'é', false) FROM ??"
    const { start, end } = classifyKnex(sql)[0]!.setting!.valueAt!
    expect(sql.slice(start, end)).toBe("'é'")
  })

  it('underlines the words of the text that was handed in', () => {
    const sql = "SELECT ??, 'é ?' FROM ?? WHERE id = ? AND f(:x) > 0 FOR UPDATE; SAVEPOINT ??"
    expect(hits(classifyKnex(sql), sql)).toEqual([
      ['user-function', 'f'],
      ['row-lock', 'FOR UPDATE'],
      ['savepoint', 'SAVEPOINT'],
    ])
    expect(classifyKnex(sql).map(({ text }) => text)).toEqual(sql.split('; '))
  })

  it('takes a slice for a slice where that is what parses', () => {
    expect(classifyKnex('SELECT a[1:n] FROM t')).toMatchObject([{ kind: 'select' }])
  })

  it('calls unparsed what no placeholder explains', () => {
    expect(classifyKnex('SELECT ? ? FORM ?')).toMatchObject([{ kind: 'unparsed', writes: true }])
  })

  it('has PostgreSQL’s grammar read a text in vain the less often, the longer it is', () => {
    const charactersRead = (rows: number) => {
      const values = Array(rows).fill('(?, ?)').join(', ')
      vi.mocked(parse).mockClear()
      expect(
        classifyKnex(`INSERT INTO t VALUES ${values} ON DUPLICATE KEY UPDATE a = VALUES(a)`),
      ).toMatchObject([{ kind: 'unparsed' }])
      return vi.mocked(parse).mock.calls.reduce((sum, [sql]) => sum + sql.length, 0)
    }
    expect(charactersRead(2_000)).toBeLessThan(2 * charactersRead(500))
  })

  it('agrees with classify where there is no placeholder', () => {
    const sql = 'INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING'
    expect(classifyKnex(sql)).toEqual(classify(sql))
  })
})

describe('classifyTemplate', () => {
  const rules = (...chunks: string[]) =>
    classifyTemplate(chunks).flatMap((statement) => statement.hits.map(({ rule }) => rule))
  const kinds = (...chunks: string[]) => classifyTemplate(chunks).map(({ kind }) => kind)

  it.each<[string, readonly string[], string]>([
    ['a value', ['SELECT * FROM t WHERE a = ', ' FOR UPDATE'], 'FOR UPDATE'],
    ['a name', ['SAVEPOINT ', ''], 'SAVEPOINT'],
    ['a table', ['SELECT * FROM ', ' FOR SHARE'], 'FOR SHARE'],
    ['part of a name', ['SELECT * FROM logs_', '_old FOR UPDATE'], 'FOR UPDATE'],
    ['part of a literal', ["SELECT 'a", "b' FROM t FOR UPDATE"], 'FOR UPDATE'],
    ['part of a quoted name', ['SELECT "', '" FROM t FOR UPDATE'], 'FOR UPDATE'],
    ['a parameter’s number', ['SELECT $', ' FROM t WHERE b = $', ' FOR UPDATE'], 'FOR UPDATE'],
    ['a schema', ['LOCK TABLE ', '.orders'], 'LOCK'],
    ['a list of columns and rows', ['INSERT INTO t ', ' VALUES ', ' ON CONFLICT DO NOTHING'], 'ON CONFLICT'],
    ['assignments', ['UPDATE t SET ', ' WHERE a IN (SELECT 1 FROM u FOR UPDATE)'], 'FOR UPDATE'],
    ['clauses', ['SELECT * FROM t ', '', ' FOR UPDATE'], 'FOR UPDATE'],
    ['a direction', ['SELECT * FROM t ORDER BY a ', ' LIMIT ', ' FOR UPDATE'], 'FOR UPDATE'],
    ['what to do on conflict', ['INSERT INTO t VALUES (1) ON CONFLICT ', ''], 'ON CONFLICT'],
    ['rows right behind a word', ['INSERT INTO t(a) VALUES', ' ON CONFLICT DO NOTHING'], 'ON CONFLICT'],
    ['a comment right before a word', ['', 'SAVEPOINT a'], 'SAVEPOINT'],
    ['a clause right behind a word', ['SELECT * FROM t', ' WHERE a = ', ' FOR UPDATE'], 'FOR UPDATE'],
    ['a query', ['DECLARE c CURSOR FOR ', ''], 'DECLARE'],
  ])('sees past a hole that is %s', (_what, chunks, word) => {
    expect(hits(classifyTemplate(chunks), chunks.join(''))).toMatchObject([[expect.any(String), word]])
  })

  it('finds nothing in a hole', () => {
    expect(rules('SELECT ', '(1)')).toEqual([])
    expect(rules('EXPLAIN ANALYZE ', '')).toEqual([])
  })

  it('knows nothing of a template that is all hole, or that no filling lets parse', () => {
    expect(kinds('', '')).toEqual(['unparsed'])
    expect(kinds('', ' ORDER BY a')).toEqual(['unparsed'])
    expect(kinds('SELEKT ', ' FROM ', '')).toEqual(['unparsed'])
  })

  it('reads Knex’s placeholders in the chunks when asked to', () => {
    const chunks = ['SELECT ?? FROM ', ' WHERE a = ? FOR UPDATE']
    expect(hits(classifyTemplate(chunks, 'positional'), chunks.join(''))).toEqual([
      ['row-lock', 'FOR UPDATE'],
    ])
  })

  it('comes to an end on any chunks', () => {
    const chunk = fc.array(
      fc.constantFrom('SELECT', ' ', ',', '(', ')', 'FROM t', "'", '"', '$', '?', 'é', '\ue000', ';', '--'),
      { maxLength: 6 },
    )
    fc.assert(
      fc.property(fc.array(chunk, { minLength: 1, maxLength: 6 }), (parts) => {
        const chunks = parts.map((words) => words.join(''))
        const joined = chunks.join('')
        for (const { start, end, text } of classifyTemplate(chunks, 'all'))
          expect(joined.slice(start, end)).toBe(text)
      }),
    )
  })
})
