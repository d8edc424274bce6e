import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import type { Knex } from 'knex'
import { instrument, type InstrumentOptions } from 'knex-flatten/otel'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

/** Lets OpenTelemetry find the active span while a file's tests run. */
export function useContexts(): void {
  beforeAll(() => context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()))
  afterAll(() => {
    context.disable()
  })
}

/** A metric's points: the attributes of each, and its value, or of a histogram how often it was recorded. */
type Points = readonly (readonly [attributes: object, value: number])[]

export interface Telemetry {
  readonly tracerProvider: BasicTracerProvider
  readonly stop: () => void
  /** The spans that have ended, in the order in which they were opened. */
  readonly spans: () => ReadableSpan[]
  /** The points of a metric, all that was recorded until now. */
  readonly points: (name: string) => Promise<Points>
}

/** Instruments an instance with the real SDK, until the test ends. */
export function observed(db: Knex, options: InstrumentOptions = {}): Telemetry {
  const exported = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exported)] })
  const collected = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: collected, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const stop = instrument(db, { tracerProvider, meterProvider, ...options })
  onTestFinished(async () => {
    stop()
    await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()])
  })
  return {
    tracerProvider,
    stop,
    spans: () => exported.getFinishedSpans().toSorted((one, other) => opened(one) - opened(other)),
    points: async (name) => {
      await meterProvider.forceFlush()
      const metrics =
        collected
          .getMetrics()
          .at(-1)
          ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []
      const points = metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []
      return (points as DataPoint<number | Histogram>[]).map(({ attributes, value }) => [
        attributes,
        typeof value === 'number' ? value : value.count,
      ])
    },
  }
}

function opened({ startTime: [seconds, nanoseconds] }: ReadableSpan): number {
  return seconds * 1e3 + nanoseconds / 1e6
}

/** Each span by its name, with the name of the one it is inside of. */
export function tree(spans: readonly ReadableSpan[]): Record<string, string | undefined> {
  const named = new Map(spans.map((span) => [span.spanContext().spanId, span.name]))
  return Object.fromEntries(
    spans.map(({ name, parentSpanContext }) => [name, named.get(parentSpanContext?.spanId ?? '')]),
  )
}

/** Runs inside of a span of the application's. */
export function inSpan<Value>(
  { tracerProvider }: Telemetry,
  name: string,
  run: () => Promise<Value>,
): Promise<Value> {
  return tracerProvider.getTracer('test').startActiveSpan(name, async (span) => {
    try {
      return await run()
    } finally {
      span.end()
    }
  })
}

/** The name of the active span. */
export function activeSpan(): string | undefined {
  return (trace.getActiveSpan() as ReadableSpan | undefined)?.name
}
