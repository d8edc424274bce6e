import { describe, expect, it } from 'vitest'
import { classify, parse } from '../src/index.ts'

describe('parse', () => {
  it('answers at once, without being awaited', () => {
    expect(parse('SELECT 1; SELECT 2')).toMatchObject({
      ok: true,
      statements: [{ start: 0, end: 8 }, { start: 10 }],
    })
  })

  it('finds no statement in a text of blanks, comments and semicolons', () => {
    for (const sql of ['', '  \n', '-- x', '/* /* x */ */ ;;'])
      expect(parse(sql)).toEqual({ ok: true, statements: [] })
  })

  it("gives PostgreSQL's own message and the UTF-16 offset of the offending word", () => {
    const sql = "SELECT 'é😀' FORM FORM orders"
    expect(parse(sql)).toEqual({
      ok: false,
      message: 'syntax error at or near "FORM"',
      offset: sql.lastIndexOf('FORM'),
    })
  })

  it('refuses U+0000, at which PostgreSQL would stop reading', () => {
    expect(parse('SELECT 1\0; DROP TABLE orders')).toMatchObject({ ok: false, offset: 8 })
  })

  it('survives lone surrogates', () => {
    expect(parse("SELECT '\ud800', 1; SAVEPOINT a")).toMatchObject({
      ok: true,
      statements: [{ end: 13 }, { start: 15 }],
    })
  })

  it.each([
    ['operators', `SELECT 1${' + 1'.repeat(100_000)}`],
    ['unions', `SELECT 1${' UNION SELECT 1'.repeat(50_000)}`],
    ['parentheses', `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`],
    ['sub-selects', `SELECT ${'(SELECT '.repeat(9_000)}1${')'.repeat(9_000)}`],
  ])('gives up on absurdly deep %s', (_what, sql) => {
    expect(parse(sql).ok).toBe(false)
    expect(classify(sql)).toMatchObject([{ kind: 'unparsed', writes: true }])
  })

  it.each([1_000, 2_000, 4_000, 6_000, 8_000, 9_900])('comes through a nesting of %d unharmed', (depth) => {
    const exitCode = process.exitCode
    // Whether these still parse depends on how much stack the caller left.
    classify(`SELECT ${'NOT '.repeat(depth)}true`)
    classify(`SELECT ${'(SELECT '.repeat(depth)}1${')'.repeat(depth)}`)
    expect(classify(`SAVEPOINT a${depth}`)).toMatchObject([{ hits: [{ rule: 'savepoint' }] }])
    expect(process.exitCode).toBe(exitCode)
  })

  it('reads comments nested to a depth of a thousand, and gives up beyond it', () => {
    const nested = (depth: number) => `SELECT 1 ${'/*'.repeat(depth)}${'*/'.repeat(depth)}`
    expect(parse(nested(1_000)).ok).toBe(true)
    expect(parse(nested(1_001))).toEqual({
      ok: false,
      message: 'comments are nested more than 1000 deep',
      offset: 9,
    })
    expect(classify(nested(100_000))).toMatchObject([{ kind: 'unparsed', writes: true }])
    expect(parse(`SELECT 1 ${'/*'.repeat(100_000)}`)).toMatchObject({ ok: false, offset: 9 })
  })

  it('counts no comment that only looks nested', () => {
    const marks = '/*'.repeat(2_000)
    for (const sql of [`SELECT '${marks}'`, `SELECT 1 --${marks}`, `SELECT 1 ${'/* */'.repeat(2_000)}`])
      expect(parse(sql).ok).toBe(true)
  })

  it('reads a list of ten thousand rows', () => {
    const sql = `INSERT INTO orders (total) VALUES ${Array(10_000).fill('(1)').join(', ')}`
    expect(classify(sql)).toMatchObject([{ kind: 'insert', reads: false, writes: true, end: sql.length }])
  })

  it('reads thousands of comments that touch one another, and keeps every word in its place', () => {
    const noise = '/**/'.repeat(20_000)
    const sql = `${noise}SELECT 'é/**/', 1${noise}/* é */; ${noise} SAVEPOINT a`
    expect(parse(sql)).toMatchObject({
      ok: true,
      statements: [{ end: sql.indexOf(';') }, { end: sql.length }],
    })
    expect(classify(sql).map(({ text }) => text)).toEqual(["SELECT 'é/**/', 1", 'SAVEPOINT a'])
    expect(parse(`${noise} SELEC 1`)).toMatchObject({ ok: false, offset: noise.length + 1 })
    // An unclosed comment is none that could be left away.
    expect(parse(`${noise} SELECT 1 /* open`)).toMatchObject({ ok: false })
  })
})
