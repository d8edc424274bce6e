import type { Attributes, Counter, Meter } from '@opentelemetry/api'
import { routeAttributes } from './attributes.ts'
import { errorAttributes } from './errors.ts'
import { listen, type Stop } from './listen.ts'

/** Seconds, as the semantic conventions advise for what a database is asked. */
const BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

/** Counts and measures what happens on an instance from now on. */
export function countEvents(db: object, meter: Meter): Stop[] {
  const counter = (name: string, unit: string, description: string): Counter =>
    meter.createCounter(`knex_flatten.${name}`, { unit, description })
  const seconds = (name: string, description: string) =>
    meter.createHistogram(`knex_flatten.${name}`, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: BOUNDARIES },
    })
  const durations = seconds('transaction.duration', 'From where a transaction is opened to its end')
  const crossings = counter(
    'transaction.crossings',
    '{crossing}',
    'Round trips of transactions to the writer',
  )
  const dooms = counter('transaction.dooms', '{doom}', 'Transactions that could only be rolled back')
  const retries = counter('transaction.retries', '{retry}', 'Transactions that were run again')
  const verdicts = counter('guard.verdicts', '{statement}', 'Statements that a reader refuses, or may refuse')
  const overruns = counter(
    'crossings.verdicts',
    '{statement}',
    'Statements with which a transaction or a request crossed too often',
  )
  const routes = counter('routes', '{route}', 'Transactions and statements, by where they ran and why')
  const fallbacks = counter('fallbacks', '{route}', 'What the writer did that was meant for a reader')
  const failures = counter('reader.failures', '{failure}', 'Readers that could not be reached')
  const promotions = counter('promotions', '{connection}', 'Connections whose reader has become a writer')
  const tokens = counter('tokens', '{token}', 'Causality tokens that requests came with')
  const waits = seconds('reader.wait.duration', 'Waiting until a reader shows what was written')
  const own = (of: object, count: () => void): void => {
    if (of === db) count()
  }
  return [
    listen('knex-flatten:outcome', ({ transaction, outcome, durationMs }) => {
      const attributes: Attributes = {
        'knex_flatten.outcome': outcome,
        ...routeAttributes(transaction.route),
      }
      own(transaction.db, () => {
        durations.record(durationMs / 1_000, attributes)
        if (transaction.crossings > 0) crossings.add(transaction.crossings, attributes)
      })
    }),
    listen('knex-flatten:doom', ({ transaction, kind }) => {
      own(transaction.db, () => dooms.add(1, { 'knex_flatten.kind': kind }))
    }),
    listen('knex-flatten:retry', ({ transaction, error }) => {
      own(transaction.db, () => retries.add(1, errorAttributes(error)))
    }),
    listen('knex-flatten:guard', ({ db: of, rule, verdict }) => {
      own(of, () => verdicts.add(1, { 'knex_flatten.rule': rule, 'knex_flatten.verdict': verdict }))
    }),
    listen('knex-flatten:crossings', ({ db: of, budget, verdict }) => {
      own(of, () => overruns.add(1, { 'knex_flatten.budget': budget, 'knex_flatten.verdict': verdict }))
    }),
    listen('knex-flatten:route', ({ db: of, route, transaction }) => {
      const what = transaction ? 'transaction' : 'statement'
      own(of, () => routes.add(1, { ...routeAttributes(route), 'knex_flatten.what': what }))
    }),
    listen('knex-flatten:fallback', ({ db: of, route }) => {
      own(of, () => fallbacks.add(1, routeAttributes(route)))
    }),
    listen('knex-flatten:reader-failed', ({ db: of, pool, error }) => {
      own(of, () => failures.add(1, { 'db.client.connection.pool.name': pool, ...errorAttributes(error) }))
    }),
    // Nobody knows of which instance's.
    listen('knex-flatten:promotion', ({ server }) => {
      const { hostname, port } = new URL(`postgres://${server}`)
      promotions.add(1, { 'server.address': hostname, 'server.port': Number(port) })
    }),
    listen('knex-flatten:token', ({ db: of, outcome, reason }) => {
      own(of, () => tokens.add(1, { 'knex_flatten.outcome': outcome, 'knex_flatten.reason': reason }))
    }),
    listen('knex-flatten:reader-wait', ({ db: of, waitedMs, outcome, way }) => {
      const attributes = { 'knex_flatten.outcome': outcome, 'knex_flatten.way': way }
      own(of, () => waits.record(waitedMs / 1_000, attributes))
    }),
  ]
}
