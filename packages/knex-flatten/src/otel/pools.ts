import type { Meter } from '@opentelemetry/api'
import type { PoolGauge } from '../knex/pool-gauges.ts'
import type { Stop } from './listen.ts'

/** Shows the state of pools whenever metrics are collected, by the names of the semantic conventions. */
export function observePools(pools: readonly PoolGauge[], name: string | undefined, meter: Meter): Stop {
  const count = meter.createObservableUpDownCounter('db.client.connection.count', {
    unit: '{connection}',
    description: 'The number of connections that are currently in state described by the state attribute',
  })
  const max = meter.createObservableUpDownCounter('db.client.connection.max', {
    unit: '{connection}',
    description: 'The maximum number of open connections allowed',
  })
  const pending = meter.createObservableUpDownCounter('db.client.connection.pending_requests', {
    unit: '{request}',
    description: 'The number of current pending requests for an open connection',
  })
  const instruments = [count, max, pending]
  const observe: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    for (const pool of pools) {
      const state = pool.read()
      if (!state) continue
      const named = { 'db.client.connection.pool.name': [name, pool.name].filter(Boolean).join(' ') }
      result.observe(count, state.used, { ...named, 'db.client.connection.state': 'used' })
      result.observe(count, state.free, { ...named, 'db.client.connection.state': 'idle' })
      result.observe(pending, state.pending, named)
      if (state.max !== undefined) result.observe(max, state.max, named)
    }
  }
  meter.addBatchObservableCallback(observe, instruments)
  return () => {
    meter.removeBatchObservableCallback(observe, instruments)
  }
}
