import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PAGE, whatForwards } from '../scripts/what-forwards.ts'
import { functionRule } from '../src/catalog/function-rules.ts'
import { classify, ruleIds, supportTable } from '../src/index.ts'
import { STATEMENTS } from './statements.ts'

describe('the support table', () => {
  it.each(ruleIds)('says of %s what it is, why, where that stands and what to write instead', (id) => {
    const entry = supportTable[id]
    expect(entry.id).toBe(id)
    for (const words of [entry.title, entry.why, entry.instead]) expect(words).toMatch(/^\S.*\S$/)
    expect(entry.title).not.toMatch(/[|.]$/)
    expect(entry.source).toMatch(/^https:\/\/(docs\.aws\.amazon\.com|www\.postgresql\.org\/docs)\//)
    expect(entry.sqlstate).toMatch(/^[0-9A-Z]{5}$/)
    expect(Object.isFrozen(entry)).toBe(true)
  })

  it('claims nothing as measured: nobody has run it on a cluster of AWS', () => {
    const known = ruleIds.flatMap((id) =>
      Object.values(supportTable[id].verdicts).map((verdict) => verdict.known),
    )
    expect(known).not.toContain('measured')
  })

  it('says where a documented verdict reaches further than AWS’s words', () => {
    expect(supportTable['user-function'].why).toMatch(/extensions .* is an assumption of this project/)
    expect(supportTable.reindex.verdicts['aws-local'].known).toBe('assumed')
  })

  it('refuses on both profiles what both pages list', () => {
    for (const id of [
      'savepoint',
      'cursor',
      'lock-table',
      'set-constraints',
      'user-function',
      'copy',
    ] as const) {
      expect(supportTable[id].verdicts).toEqual({
        'aws-global': { verdict: 'refuse', known: 'documented' },
        'aws-local': { verdict: 'refuse', known: 'documented' },
      })
    }
  })

  it('has every rule that a text can touch tried by a statement', () => {
    const tried = new Set(STATEMENTS.flatMap(({ rules }) => rules))
    // Of the protocol, not of the text.
    expect(ruleIds.filter((id) => !tried.has(id))).toEqual(['portal-fetch'])
  })

  it('says of the standby what the statements measured', () => {
    for (const { sql, rules, standby } of STATEMENTS) {
      const [rule] = rules
      if (rules.length !== 1 || rule === undefined || classify(sql).length !== 1) continue
      if (standby === undefined && rule !== 'serializable')
        expect([rule, supportTable[rule].standby]).toEqual([rule, 'allows'])
    }
  })

  it('is what docs/what-forwards.md shows (else: npm run docs)', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(whatForwards())
  })
})

describe('functionRule', () => {
  it('knows PostgreSQL’s and Aurora’s own functions from the user’s', () => {
    for (const name of [
      'now',
      'count',
      'jsonb_build_object',
      'pg_sleep',
      'uuidv7',
      'regrole',
      'aurora_version',
    ]) {
      expect(functionRule(undefined, name)).toBeUndefined()
      expect(functionRule('pg_catalog', name)).toBeUndefined()
      expect(functionRule('public', name)).toBe('user-function')
    }
    expect(functionRule(undefined, 'uuid_generate_v4')).toBe('user-function')
    expect(functionRule(undefined, 'Now')).toBe('user-function')
  })
})
