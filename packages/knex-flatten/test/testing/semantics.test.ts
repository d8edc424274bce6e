import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { flatten } from 'knex-flatten'
import { inTestTransaction } from 'knex-flatten/testing'
import { describe, expect, it } from 'vitest'
import { connectFlat, idsIn, useItems } from '../items.ts'
import { everyCell, nameOf, programOf } from '../matrix/cells.ts'
import { run as runCell } from '../matrix/interpreter.ts'
import { expectFlat } from '../matrix/oracle.ts'
import { forms } from '../matrix/program.ts'
import { emptyItems } from '../matrix/transcript.ts'
import { doomOn, run } from '../random-programs/interpreter.ts'
import { predict } from '../random-programs/model.ts'
import { program } from '../random-programs/program.ts'

/** More with KNEX_FLATTEN_RUNS=10000, for a long run by hand. */
const numRuns = Number(process.env['KNEX_FLATTEN_RUNS'] ?? 60)

/** A test has one connection: what loses it loses the test. */
const cells = everyCell().filter(({ depth, failure }) => depth <= 2 && failure !== 'lost')

describe('transactions inside a test transaction', () => {
  const database = useItems()

  it.each(forms)(
    'come to what they come to without it, in every cell of %s',
    { timeout: 120_000 },
    async (form) => {
      const db = flatten(database.connect({ config: { pool: { max: 1 } } }).db)
      const differing = await inTestTransaction(db, async () => {
        await db('items').insert({ id: 0 })
        const all = []
        for (const cell of cells.filter((one) => one.form === form)) {
          const { outcome, scopes } = await runCell(db, programOf(cell))
          const { rows } = await db.raw<{ rows: { id: number }[] }>(emptyItems)
          if (form === 'migration') await db.raw('delete from knex_migrations')
          const found = { outcome, scopes, rows: rows.map(({ id }) => id).sort((a, b) => a - b) }
          const expected = expectFlat(programOf(cell))
          all.push({ cell: nameOf(cell), expected, found: { ...found, sent: expected.sent } })
        }
        expect(all.length).toBeGreaterThan(10)
        return all.filter(({ found, expected }) => !isDeepStrictEqual(found, expected))
      })
      expect(differing).toEqual([])
      expect(await idsIn(database)).toEqual([])
    },
  )

  it.each([
    ['', {}],
    [', ambient and lazy', { ambient: true, lazyBegin: true }],
  ])(
    `agree with the model of random nested programs in ${numRuns} cases%s`,
    { timeout: 0 },
    async (_how, options) => {
      const { db } = connectFlat(database, { config: { pool: { max: 1 } } }, { doomOn, ...options })
      await inTestTransaction(db, () =>
        fc.assert(
          fc.asyncProperty(program, async (root) => {
            await db('items').delete()
            const { outcome, scopes } = await run(db, root)
            const expected = predict(root)
            expect({ outcome, scopes, rows: (await db('items')).length }).toEqual({
              outcome: expected.outcome,
              scopes: expected.scopes,
              rows: expected.rows,
            })
          }),
          { numRuns },
        ),
      )
      expect(await idsIn(database)).toEqual([])
    },
  )
})
