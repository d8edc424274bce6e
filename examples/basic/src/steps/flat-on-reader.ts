import createKnex from 'knex'
import { flatten } from 'knex-flatten'
import { placeOrder } from '../shop/orders.ts'
import { good, say, table, title } from '../terminal/narrator.ts'
import { countRows, standbyCaughtUp, type Counts } from './rows.ts'
import { firstOrder } from './sample.ts'
import { received, SAVEPOINT } from './server-log.ts'
import type { Step } from './step.ts'

/** The same application, its Knex instance wrapped: one transaction, one crossing a write and one for COMMIT. */
export const flatOnReader: Step = async (reader) => {
  title('2  The same application, wrapped: flatten(knex)')
  const db = flatten(createKnex({ client: 'pg', connection: reader.readerUrl }))
  try {
    await db.raw('select 1')
    const before = reader.crossings().transactions.length
    const started = performance.now()
    const id = await placeOrder(db, firstOrder)
    const seconds = ((performance.now() - started) / 1000).toFixed(2)
    good(`✓ placeOrder: order ${id}`)

    const onPrimary = await countRows(reader.primaryUrl)
    await standbyCaughtUp(reader.primaryUrl, reader.standbyUrl)
    const onStandby = await countRows(reader.standbyUrl)
    const names = Object.keys(onPrimary) as (keyof Counts)[]
    table(
      ['rows', ...names],
      [
        ['primary', ...names.map((name) => onPrimary[name])],
        ['standby', ...names.map((name) => onStandby[name])],
      ],
    )
    const own = reader.crossings().transactions.slice(before)
    const crossings = own.reduce((sum, transaction) => sum + transaction.crossings, 0)
    const savepoints = await Promise.all(
      [reader.primaryUrl, reader.standbyUrl].map((url) => received(url, SAVEPOINT)),
    )
    say(`${own.length} transaction, ${crossings} crossings of 80 ms, ${seconds} s in all.`)
    say(`Savepoints in the servers' own logs: primary ${savepoints[0]}, standby ${savepoints[1]}.`)

    const complete = names.every((name) => onPrimary[name] > 0 && onPrimary[name] === onStandby[name])
    return {
      claim: 'wrapped Knex runs it there, in one transaction',
      seen: `${own.length} transaction, ${crossings} crossings, ${seconds} s, ${savepoints.join('+')} savepoints`,
      holds:
        complete &&
        own.length === 1 &&
        own[0]?.outcome === 'committed' &&
        savepoints.every((count) => count === 0),
    }
  } finally {
    await db.destroy()
  }
}
