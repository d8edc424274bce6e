import { CallSite, nowhere } from '../transaction/call-site.ts'
import { ambientTransaction } from './opening.ts'
import type { Instance } from './instance.ts'
import type { Builder, KnexClient, QueryObject, Runner } from './internals.ts'
import { stateOf, transactionOfClient } from './transaction-state.ts'

/**
 * Where builders were made, inside what is read-only: by the time that one is awaited, nobody of the user's is left on the stack. Elsewhere
 * nothing is noted, and nothing is paid.
 */
const sites = new WeakMap<object, CallSite>()

/** Notes, inside what is read-only, where a builder is made: above the call of `below`. */
export function noteSite(
  instance: Instance,
  client: KnexClient,
  builder: Builder,
  below: (...args: never[]) => unknown,
): Builder {
  if (!instance.settings.callSites) return builder
  const around = transactionOfClient(client) ?? ambientTransaction(instance)
  if (around && stateOf(around).frame.readOnly) sites.set(builder, new CallSite(below))
  return builder
}

/** Lets the statements that a builder comes to be known by where it was made. */
export function carrySite(builder: Builder, runner: Runner): Runner {
  const site = sites.get(builder)
  if (!site) return runner
  const query = runner.query.bind(runner)
  runner.query = (statement) => {
    sites.set(statement, site)
    return query(statement)
  }
  return runner
}

/** Where a statement was asked for, as far as that was noted. */
export function siteOf(statement: string | QueryObject): CallSite {
  return (typeof statement === 'object' && sites.get(statement)) || nowhere
}
