import { metrics, trace } from '@opentelemetry/api'
import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import { poolGauges } from '../knex/pool-gauges.ts'
import { flattenedInstance } from '../knex/running-frame.ts'
import { countEvents } from './metrics.ts'
import { checkInstrumentOptions, type InstrumentOptions } from './options.ts'
import { observePools } from './pools.ts'
import { Spans } from './spans.ts'

export type { InstrumentOptions }

const LIBRARY = 'knex-flatten'
const instrumented = new WeakSet<object>()

/**
 * Tells OpenTelemetry of an instance: spans of its transactions, scopes and hooks, metrics of what happens and of its pools.
 *
 * @param db - what `flatten()` or `route()` returned.
 * @returns ends it.
 * @throws TransactionOptionsError for what is no such instance, for one that is instrumented already, and for a wrong option.
 *
 * @example
 * ```ts
 * import { instrument } from 'knex-flatten/otel'
 *
 * const stop = instrument(db)
 * ```
 */
export function instrument(db: Knex, options: InstrumentOptions = {}): () => void {
  const { tracerProvider, meterProvider, name, statements = true } = checkInstrumentOptions(options)
  const instance = flattenedInstance(db, 'instrument(db)')
  if (instrumented.has(instance)) {
    throw new TransactionOptionsError(
      'instrument(db): this instance is instrumented already. Call what instrument() returned first, which ends it.',
    )
  }
  instrumented.add(instance)
  const tracer = (tracerProvider ?? trace).getTracer(LIBRARY)
  const meter = (meterProvider ?? metrics).getMeter(LIBRARY)
  const stops = [
    ...new Spans({ db: instance.knex, tracer, statements }).listen(),
    ...countEvents(instance.knex, meter),
    observePools(poolGauges(instance), name, meter),
  ]
  return () => {
    for (const stop of stops.splice(0)) stop()
    instrumented.delete(instance)
  }
}
