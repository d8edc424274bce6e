import { isDeepStrictEqual } from 'node:util'
import type { Knex } from 'knex'
import { flatten } from 'knex-flatten'
import { describe, expect, it } from 'vitest'
import { knexVersions } from '../../../../test/setup/knex-versions.ts'
import { useItems } from '../items.ts'
import { type Cell, everyCell, nameOf, programOf } from './cells.ts'
import { run } from './interpreter.ts'
import { type Account, expectFlat, expectStock } from './oracle.ts'
import { type Block, forms } from './program.ts'
import { emptyItems, transcripts } from './transcript.ts'

interface Side {
  readonly side: 'flattened' | 'stock'
  readonly prepare: (db: Knex) => Knex
  readonly expected: (program: Block) => Account
}

const flattened: Side = { side: 'flattened', prepare: (db) => flatten(db), expected: expectFlat }
const stock: Side = { side: 'stock', prepare: (db) => db, expected: expectStock }

const cells = everyCell()
const newest = knexVersions.at(-1)!
/** Where versions of Knex differ is how they open and end a transaction, which is the same at any depth. */
const shallow = cells.filter(({ depth }) => depth <= 2)
/** `npm run test:matrix` runs every cell on every Knex. */
const whole = process.env['KNEX_FLATTEN_MATRIX'] === 'whole'

/** The migration guide tells how the two sides differ. */
const rounds = [flattened, stock].flatMap((side) =>
  knexVersions.map((version) => ({
    ...side,
    version,
    cells: whole || version === newest ? cells : shallow,
    on: `${side.side} on Knex ${version[0]}`,
  })),
)

describe.each(rounds)('the semantics matrix, $on', ({ version: [, knex], prepare, expected, ...round }) => {
  const database = useItems()

  it.each(forms)('holds in every cell of %s', { timeout: 120_000 }, async (form) => {
    const ofForm = round.cells.filter((cell) => cell.form === form)
    await database.rows('insert into items values (0) on conflict do nothing')
    const { db, received } = database.connect({ knex, config: { pool: { min: 0, max: 1 } } })
    const on = prepare(db)
    await received()
    const accounts: Omit<Account, 'sent'>[] = []
    for (const cell of ofForm) accounts.push(await account(on, cell))
    const sent = transcripts(await received())
    expect(sent.length).toBe(ofForm.length)
    const differing = ofForm
      .map((cell, at) => ({
        cell: nameOf(cell),
        expected: expected(programOf(cell)),
        found: { ...accounts[at]!, sent: sent[at] },
      }))
      .filter((one) => !isDeepStrictEqual(one.expected, one.found))
    expect(differing).toEqual([])
  })
})

/** Runs a cell and leaves the tables as they were. */
async function account(on: Knex, cell: Cell): Promise<Omit<Account, 'sent'>> {
  const { outcome, scopes } = await run(on, programOf(cell))
  const { rows } = await on.raw<{ rows: { id: number }[] }>(emptyItems)
  if (cell.form === 'migration') await on.raw('delete from knex_migrations')
  return { outcome, scopes, rows: rows.map(({ id }) => id).sort((a, b) => a - b) }
}
