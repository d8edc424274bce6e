import fc from 'fast-check'
import type { Knex } from 'knex'
import { flatten, type FlattenOptions, observations } from 'knex-flatten'
import { describe, expect, it } from 'vitest'
import { knexVersions } from '../../../../test/setup/knex-versions.ts'
import type { TestKnex } from '../../../../test/setup/database.ts'
import { idsIn, useItems } from '../items.ts'
import { run } from '../random-programs/interpreter.ts'
import { type Block, program } from '../random-programs/program.ts'

/** More with KNEX_FLATTEN_RUNS=10000, for a long run by hand. */
const numRuns = Number(process.env['KNEX_FLATTEN_RUNS'] ?? 60)

describe.each(knexVersions)('random nested programs, observed on Knex %s', (_version, knex) => {
  const database = useItems()
  const connect = (options?: FlattenOptions): TestKnex => {
    const connected = database.connect({ knex, config: { pool: { min: 1, max: 1 } } })
    if (options) flatten(connected.db, options)
    return connected
  }

  /** What a program was told and left behind, and what the server was asked. */
  const play = async ({ db, received }: TestKnex, root: Block) => {
    await database.rows('delete from items')
    await received()
    const { outcome, told } = await run(db, root)
    const wire = numbered((await received()).filter((sql) => sql !== 'select version();'))
    return { outcome, told, rows: await idsIn(database), wire }
  }

  it(
    `run as on stock Knex, and are reported exactly where flattening differs, in ${numRuns} cases`,
    { timeout: 0 },
    async () => {
      const stock = connect()
      const observed = connect({ nested: 'observe' })
      const flat = connect({ nested: 'flatten' })
      await fc.assert(
        fc.asyncProperty(program, async (root) => {
          const before = seen(observed.db)
          const now = await play(observed, root)
          const reported = seen(observed.db) > before
          expect(now).toEqual(await play(stock, root))
          const flattened = await play(flat, root)
          expect({ reported, now: inShort(now), flattened: inShort(flattened) }).toSatisfy(
            ({ reported, now, flattened }) => reported === (now !== flattened),
          )
        }),
        { numRuns },
      )
    },
  )
})

function seen(db: Knex): number {
  return observations(db).reduce((sum, { count }) => sum + count, 0)
}

/** Knex numbers its savepoints through the life of the process. */
function numbered(statements: readonly string[]): string[] {
  const names = new Map<string, string>()
  return statements.map((sql) =>
    sql.replace(/\btrx\d+/g, (name) => {
      if (!names.has(name)) names.set(name, `s${names.size}`)
      return names.get(name)!
    }),
  )
}

const REFUSED = /rollback-only|unexpected-rollback|scope-open|aborted/

/**
 * Who refuses what can only be rolled back, Knex, PostgreSQL or this library, is all the same; so is which of two siblings is heard
 * first.
 */
function inShort({
  outcome,
  told,
  rows,
}: {
  outcome: string
  told: readonly string[]
  rows: readonly number[]
}): string {
  const heard = told.map((one) => one.replace(REFUSED, 'refused')).sort()
  return JSON.stringify({ outcome: outcome.replace(REFUSED, 'refused'), heard, rows })
}
