import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { diag } from '@opentelemetry/api'
import type { EventMessages, Traced, TraceMessages } from '../events/messages.ts'

/** Ends something. */
export type Stop = () => void

type Heard = EventMessages & {
  [Name in keyof TraceMessages as `tracing:${Name}:${'start' | 'asyncEnd'}`]: TraceMessages[Name] & Traced
}

/** Takes what is told on a channel. What goes wrong here is told to OpenTelemetry's own log: it is not the application's fault. */
export function listen<Name extends keyof Heard>(name: Name, take: (message: Heard[Name]) => void): Stop {
  const listener = (message: unknown): void => {
    try {
      take(message as Heard[Name])
    } catch (error) {
      diag.error(`knex-flatten: what was told on ${name} could not be recorded.`, error)
    }
  }
  subscribe(name, listener)
  return () => {
    unsubscribe(name, listener)
  }
}
