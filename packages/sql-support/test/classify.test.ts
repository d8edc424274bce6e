import { describe, expect, it } from 'vitest'
import { classify, judge } from '../src/index.ts'
import type { Verdict } from '../src/index.ts'
import { STATEMENTS } from './statements.ts'

const worst = (verdicts: Verdict[]): Verdict =>
  verdicts.includes('refuse') ? 'refuse' : verdicts.includes('forward') ? 'forward' : 'local'

describe('classify and judge', () => {
  it('are tried on more than 80 statements', () => {
    expect(STATEMENTS.length).toBeGreaterThan(80)
    expect(new Set(STATEMENTS.map(({ sql }) => sql)).size).toBe(STATEMENTS.length)
  })

  it.each(STATEMENTS)('read: $sql', ({ sql, kind, verdict, rules, words }) => {
    const statements = classify(sql)
    const hits = statements.flatMap((statement) => statement.hits)

    expect(statements.map((statement) => statement.kind)).toEqual([kind].flat())
    expect(hits.map(({ rule }) => rule)).toEqual(rules)
    expect(worst(statements.map((statement) => judge(statement, 'aws-local').verdict))).toBe(verdict)
    if (words) expect(hits.map(({ start, end }) => sql.slice(start, end))).toEqual(words)
    for (const { start, end, text } of statements) expect(sql.slice(start, end)).toBe(text)
  })
})
