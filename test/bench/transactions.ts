/**
 * What flattening costs, and saves: each program on stock Knex, on a flattened one with everything off that can be, and on one as it
 * comes, in turn, on one primary. Only the ratio counts; machines differ, and one machine differs from minute to minute.
 * It measures the packages as they were built last.
 */
import { startForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import { flatten } from 'knex-flatten'

const ROUNDS = 3000
const WARM_UP = 300

type Program = (db: Knex) => Promise<unknown>

interface Case {
  readonly name: string
  readonly run: Program
  /** What flattened over stock may come to: with everything off that can be, and as it comes. */
  readonly targets: { readonly bare: number; readonly whole: number }
}

const cases: readonly Case[] = [
  {
    name: 'root transaction, one statement',
    run: (db) => db.transaction(async (trx) => trx.raw('select 1')),
    targets: { bare: 1.05, whole: 1.1 },
  },
  {
    name: 'three levels, one statement each',
    run: (db) =>
      db.transaction(async (one) => {
        await one.raw('select 1')
        await one.transaction(async (two) => {
          await two.raw('select 1')
          await two.transaction(async (three) => three.raw('select 1'))
        })
      }),
    targets: { bare: 1, whole: 1 },
  },
  {
    name: 'query outside of a transaction',
    run: (db) => db.raw('select 1'),
    targets: { bare: 1.05, whole: 1.05 },
  },
]

const reader = await startForwardingReader()
const connect = (): Knex =>
  createKnex({ client: 'pg', connection: reader.primaryUrl, pool: { min: 1, max: 1 } })
const stock = connect()
const flattened = { bare: flatten(connect(), { callSites: false }), whole: flatten(connect()) }
const all = [stock, flattened.bare, flattened.whole]
try {
  for (const { name, run, targets } of cases) {
    const times = new Map<Knex, number[]>(all.map((db) => [db, []]))
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      // One of each, whoever goes first: a slow moment of the machine meets all.
      for (let turn = 0; turn < all.length; turn++) {
        const db = all[(round + WARM_UP + turn) % all.length]!
        const took = await time(db, run)
        if (round >= 0) times.get(db)!.push(took)
      }
    }
    for (const [how, target] of Object.entries(targets) as ['bare' | 'whole', number][]) {
      const [low, median, high] = [0.25, 0.5, 0.75].map((part) =>
        (quantile(times.get(flattened[how])!, part) / quantile(times.get(stock)!, part)).toFixed(3),
      )
      const label = `${name}, ${how === 'bare' ? 'without call sites' : 'as it comes'}`
      console.log(`${label.padEnd(54)} ${median} × stock (quartiles ${low}, ${high}), target ≤ ${target}`)
    }
  }
} finally {
  await Promise.all(all.map((db) => db.destroy()))
  await reader.stop()
}

async function time(db: Knex, run: Program): Promise<number> {
  const started = performance.now()
  await run(db)
  return performance.now() - started
}

function quantile(values: number[], part: number): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length * part)]!
}
