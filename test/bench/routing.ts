/**
 * What routing and the guard cost: each program on stock Knex and on a routed instance, in turn, all on one primary, so that only the library
 * differs; and what it takes to judge a text. Only the ratio counts. It measures the packages as they were built last.
 */
import { startForwardingReader } from '@knex-flatten/emulator'
import createKnex, { type Knex } from 'knex'
import { route } from 'knex-flatten/routing'

const ROUNDS = 3000
const WARM_UP = 300
const TARGET = 1.1

const cases: Readonly<Record<string, (db: Knex) => Promise<unknown>>> = {
  'a query': (db) => db('items').where({ id: 1 }).first(),
  'a raw query': (db) => db.raw('select * from items where id = ?', [1]),
  'a write': (db) => db('items').where({ id: 1 }).update({ note: 'again' }),
  'a transaction, one statement': (db) =>
    db.transaction(async (trx) => trx('items').where({ id: 1 }).first()),
}

const reader = await startForwardingReader()
const connect = (): Knex =>
  createKnex({ client: 'pg', connection: reader.primaryUrl, pool: { min: 1, max: 1 } })
const stock = connect()
const routed = route({ reader: connect(), writer: connect(), guard: 'always' })
const both = [stock, routed]
try {
  await stock.raw('create table items (id int primary key, note text); insert into items values (1)')
  for (const [name, run] of Object.entries(cases)) {
    const times = new Map<Knex, number[]>(both.map((db) => [db, []]))
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      // Whoever goes first: a slow moment of the machine meets both.
      for (const db of round % 2 === 0 ? both : both.toReversed()) {
        const started = performance.now()
        await run(db)
        if (round >= 0) times.get(db)!.push(performance.now() - started)
      }
    }
    const [low, median, high] = [0.25, 0.5, 0.75].map((part) =>
      (quantile(times.get(routed)!, part) / quantile(times.get(stock)!, part)).toFixed(3),
    )
    console.log(`${name.padEnd(30)} ${median} × stock (quartiles ${low}, ${high}), target ≤ ${TARGET}`)
  }
} finally {
  await Promise.all(both.map((db) => db.destroy()))
  await reader.stop()
}

function quantile(values: number[], part: number): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length * part)]!
}
