import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import { TransactionOptionsError } from '../errors/errors.ts'
import { type Check, checkAll, isBoolean, isRecord, refuseUnknown, show } from '../options/check.ts'

/** How {@link instrument} tells OpenTelemetry of an instance. */
export interface InstrumentOptions {
  /** Where spans go. Default: the global provider. */
  readonly tracerProvider?: TracerProvider
  /** Where metrics go. Default: the global provider. */
  readonly meterProvider?: MeterProvider
  /** Stands before the names of its pools, where a process has several instances. */
  readonly name?: string
  /** Whether SQL is told, without its bindings, and the messages of errors, which contain it. Default true. */
  readonly statements?: boolean
}

const has = (method: string) => (value: unknown) =>
  typeof (value as Record<string, unknown> | null)?.[method] === 'function'

const checks: Record<keyof InstrumentOptions, Check> = {
  tracerProvider: { allowed: 'a TracerProvider', holds: has('getTracer') },
  meterProvider: { allowed: 'a MeterProvider', holds: has('getMeter') },
  name: { allowed: 'a text', holds: (value) => typeof value === 'string' && value.trim() !== '' },
  statements: isBoolean,
}

const WHERE = 'instrument(db, options)'

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkInstrumentOptions(options: unknown): InstrumentOptions {
  if (!isRecord(options)) {
    throw new TransactionOptionsError(`${WHERE}: options must be an object, not ${show(options)}.`)
  }
  refuseUnknown(WHERE, options, checks)
  checkAll(WHERE, options, checks)
  return options
}
