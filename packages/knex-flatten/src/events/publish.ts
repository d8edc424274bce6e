import { type Channel, channel } from 'node:diagnostics_channel'
import type { EventMessages } from './messages.ts'

type EventName = keyof EventMessages

/** Held here: Node forgets a channel that nobody holds. */
const channels: { readonly [Name in EventName]: Channel } = {
  'knex-flatten:begin': channel('knex-flatten:begin'),
  'knex-flatten:outcome': channel('knex-flatten:outcome'),
  'knex-flatten:doom': channel('knex-flatten:doom'),
  'knex-flatten:retry': channel('knex-flatten:retry'),
  'knex-flatten:guard': channel('knex-flatten:guard'),
  'knex-flatten:crossings': channel('knex-flatten:crossings'),
  'knex-flatten:route': channel('knex-flatten:route'),
  'knex-flatten:reader-failed': channel('knex-flatten:reader-failed'),
  'knex-flatten:fallback': channel('knex-flatten:fallback'),
  'knex-flatten:promotion': channel('knex-flatten:promotion'),
  'knex-flatten:token': channel('knex-flatten:token'),
  'knex-flatten:reader-wait': channel('knex-flatten:reader-wait'),
}

/**
 * Tells whoever has subscribed to a channel; where nobody has, `tell` is not called.
 *
 * Never throws: what a subscriber throws Node makes an uncaught exception of, on its next tick.
 */
export function publish<Name extends EventName>(name: Name, tell: () => EventMessages[Name]): void {
  const to = channels[name]
  if (to.hasSubscribers) to.publish(tell())
}
