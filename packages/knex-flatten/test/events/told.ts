import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import type { EventMessages, Traced, TraceMessages } from 'knex-flatten'
import { onTestFinished } from 'vitest'

/** What was told on some channels, until the test ends, in order. */
export function told<Name extends keyof EventMessages>(...names: Name[]): EventMessages[Name][] {
  const messages: EventMessages[Name][] = []
  for (const name of names) {
    const take = (message: unknown): void => void messages.push(message as EventMessages[Name])
    subscribe(name, take)
    onTestFinished(() => void unsubscribe(name, take))
  }
  return messages
}

/** What a tracing channel has told, each with the event it came with. */
export function traces<Name extends keyof TraceMessages>(
  name: Name,
): { event: string; message: TraceMessages[Name] & Traced }[] {
  const messages: { event: string; message: TraceMessages[Name] & Traced }[] = []
  const channel = tracingChannel(name)
  const take = (event: string) => (message: unknown) =>
    void messages.push({ event, message: message as TraceMessages[Name] & Traced })
  const all = {
    start: take('start'),
    end: take('end'),
    asyncStart: take('asyncStart'),
    asyncEnd: take('asyncEnd'),
    error: take('error'),
  }
  channel.subscribe(all)
  onTestFinished(() => channel.unsubscribe(all))
  return messages
}
