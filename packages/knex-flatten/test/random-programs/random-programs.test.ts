import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { knexVersions } from '../../../../test/setup/knex-versions.ts'
import { connectFlat, idsIn, useItems } from '../items.ts'
import { doomOn, run } from './interpreter.ts'
import { predict } from './model.ts'
import { program } from './program.ts'

/** More with KNEX_FLATTEN_RUNS=10000, for a long run by hand. */
const numRuns = Number(process.env['KNEX_FLATTEN_RUNS'] ?? 150)

describe.each(knexVersions)('random nested programs on Knex %s', (_version, knex) => {
  const database = useItems()

  it(`agree with the model in ${numRuns} cases`, { timeout: 0 }, async () => {
    const { db, received } = connectFlat(database, { knex, config: { pool: { min: 1, max: 1 } } }, { doomOn })
    await fc.assert(
      fc.asyncProperty(program, async (root) => {
        await database.rows('delete from items')
        await received()
        const expected = predict(root)
        const { outcome, scopes } = await run(db, root)
        const statements = await received()
        expect({ outcome, scopes, rows: (await idsIn(database)).length }).toEqual({
          outcome: expected.outcome,
          scopes: expected.scopes,
          rows: expected.rows,
        })
        expect(statements.at(0)).toBe('BEGIN;')
        expect(statements.at(-1)).toBe(expected.commits ? 'COMMIT;' : 'ROLLBACK')
        expect(statements.slice(1, -1).every((sql) => /^(insert|select)/.test(sql))).toBe(true)
      }),
      { numRuns },
    )
  })
})
