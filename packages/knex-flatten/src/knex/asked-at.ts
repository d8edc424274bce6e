import { CallSite, nowhere } from '../transaction/call-site.ts'
import { ambientTransaction } from './opening.ts'
import type { Instance } from './instance.ts'
import type { Builder, KnexClient, QueryObject, Runner } from './internals.ts'
import { stateOf, transactionOfClient } from './transaction-state.ts'

/**
 * Where writes were asked for, inside what is read-only: by the time that a builder is awaited, nobody of the user's is left on the stack. For
 * what reads, and elsewhere, nothing is noted: it would cost more than all else that this library does for a query.
 */
const sites = new WeakMap<object, CallSite>()

const METHOD = Symbol('knex-flatten: method')

/** What leaves a query builder one that reads. */
const READS: readonly unknown[] = ['select', 'first', 'pluck', 'columnInfo']

type Watched = { [METHOD]?: string }

/** Stands where a query builder keeps what it is to do, and notes who makes it write. */
const watchedMethod: PropertyDescriptor & ThisType<Watched> = {
  configurable: true,
  enumerable: true,
  get() {
    return this[METHOD]
  },
  set: becomes,
}

function becomes(this: Watched, method: string): void {
  this[METHOD] = method
  if (!READS.includes(method)) sites.set(this, new CallSite(becomes))
}

/** Watches a query builder, inside what is read-only. */
export function watchBuilder(instance: Instance, client: KnexClient, builder: Builder): Builder {
  if (!isNoted(instance, client)) return builder
  const { _method } = builder
  Object.defineProperty(builder, '_method', watchedMethod)
  ;(builder as Watched)[METHOD] = _method!
  return builder
}

/** Most of what is sent inside what is read-only. */
const READS_BY_ITS_LOOKS = /^\s*(?:select|show|values|table|explain)\b/i

/** Notes, inside what is read-only, where SQL was written: above the call of `below`. */
export function noteRaw(
  instance: Instance,
  client: KnexClient,
  builder: Builder,
  sql: unknown,
  below: (...args: never[]) => unknown,
): Builder {
  if (!isNoted(instance, client)) return builder
  if (typeof sql !== 'string' || !READS_BY_ITS_LOOKS.test(sql)) sites.set(builder, new CallSite(below))
  return builder
}

function isNoted(instance: Instance, client: KnexClient): boolean {
  if (!instance.settings.callSites) return false
  const around = transactionOfClient(client) ?? ambientTransaction(instance)
  return around !== undefined && stateOf(around).frame.readOnly
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
