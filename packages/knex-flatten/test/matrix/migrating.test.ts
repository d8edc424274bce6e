import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { migrating, PAGE } from '../../scripts/migrating.ts'
import { compareAll, isChanged } from '../../scripts/migrating/changes.ts'

describe('the migration guide', () => {
  it('is what the semantics matrix says (else: npm run docs)', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(migrating())
  })

  it('is right that nothing changes where no failure is swallowed, save for the siblings of what failed', () => {
    const unswallowed = compareAll().filter(({ cell }) => cell.swallow === 'nowhere')
    const changed = unswallowed.filter(isChanged)
    expect(unswallowed.length).toBeGreaterThan(changed.length)
    expect(changed.filter(({ cell }) => cell.siblings !== 'first fails')).toEqual([])
  })
})
