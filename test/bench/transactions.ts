/**
 * What flattening costs, and saves: each program on stock and on flattened Knex, in turn, on one primary. Only the ratio
 * counts; machines differ, and one machine differs from minute to minute.
 */
import { startForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import { flatten } from 'knex-flatten'

const PAIRS = 3000
const WARM_UP = 300

type Program = (db: Knex) => Promise<unknown>

const programs: readonly (readonly [name: string, target: number, run: Program])[] = [
  ['root transaction, one statement', 1.05, (db) => db.transaction(async (trx) => trx.raw('select 1'))],
  [
    'three levels, one statement each',
    1,
    (db) =>
      db.transaction(async (one) => {
        await one.raw('select 1')
        await one.transaction(async (two) => {
          await two.raw('select 1')
          await two.transaction(async (three) => three.raw('select 1'))
        })
      }),
  ],
  ['query outside of a transaction', 1.05, (db) => db.raw('select 1')],
]

const reader = await startForwardingReader()
const connect = (): Knex =>
  createKnex({ client: 'pg', connection: reader.primaryUrl, pool: { min: 1, max: 1 } })
const stock = connect()
const flat = flatten(connect())
try {
  for (const [name, target, run] of programs) {
    const times = new Map<Knex, number[]>([
      [stock, []],
      [flat, []],
    ])
    for (let pair = -WARM_UP; pair < PAIRS; pair++) {
      // One of each, whoever goes first: a slow moment of the machine meets both.
      for (const db of pair % 2 ? [stock, flat] : [flat, stock]) {
        const took = await time(db, run)
        if (pair >= 0) times.get(db)!.push(took)
      }
    }
    const [low, median, high] = [0.25, 0.5, 0.75].map((part) => {
      return (quantile(times.get(flat)!, part) / quantile(times.get(stock)!, part)).toFixed(3)
    })
    console.log(
      `${name.padEnd(36)} flattened / stock: ${median} (quartiles ${low}, ${high}), target ≤ ${target}`,
    )
  }
} finally {
  await Promise.all([stock.destroy(), flat.destroy()])
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
