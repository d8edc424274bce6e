import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { Frame } from '../transaction/frame.ts'
import { infoOf, type ScopeInfo, transactionInfoOf } from './info.ts'
import type { Traced, TraceMessages } from './messages.ts'

type TraceName = keyof TraceMessages

const channels: { readonly [Name in TraceName]: TracingChannel<unknown, object> } = {
  'knex-flatten:transaction': tracingChannel('knex-flatten:transaction'),
  'knex-flatten:scope': tracingChannel('knex-flatten:scope'),
  'knex-flatten:hook': tracingChannel('knex-flatten:hook'),
}

/** Runs a root or a scope, and tells of its beginning and its end. */
export function tracedFrame<Value>(frame: Frame, run: () => Promise<Value>): Promise<Value> {
  return frame.parent
    ? traced('knex-flatten:scope', () => ({ scope: infoOf(frame) as ScopeInfo }), run)
    : traced('knex-flatten:transaction', () => ({ transaction: transactionInfoOf(frame) }), run)
}

/**
 * Runs something, and tells whoever has subscribed to a tracing channel of its beginning and its end, in Node's own order; where nobody has,
 * it is only run. Not what it resolves with: that is the application's.
 */
export function traced<Name extends TraceName, Value>(
  name: Name,
  tell: () => TraceMessages[Name],
  run: () => Promise<Value>,
): Promise<Value> {
  const { start, end, asyncStart, asyncEnd, error, hasSubscribers } = channels[name]
  if (!hasSubscribers) return run()
  let begin = run
  const message: { -readonly [Key in keyof Traced]: Traced[Key] } & TraceMessages[Name] = {
    ...tell(),
    runIn(wrap) {
      const inner = begin
      begin = () => runWrapped(wrap, inner)
    },
  }
  const ended = (): void => {
    asyncStart.publish(message)
    asyncEnd.publish(message)
  }
  return start.runStores(message, () => {
    const running = begin()
    end.publish(message)
    return running.then(
      (value) => {
        ended()
        return value
      },
      (failure: unknown) => {
        message.error = failure
        error.publish(message)
        ended()
        throw failure
      },
    )
  })
}

/** A wrap that throws, or calls nothing, keeps nothing from running; what it throws is told as Node tells it of a subscriber. */
function runWrapped<Value>(wrap: (run: () => unknown) => unknown, run: () => Promise<Value>): Promise<Value> {
  let running: Promise<Value> | undefined
  const once = (): Promise<Value> => (running ??= run())
  try {
    wrap(once)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
  return once()
}
