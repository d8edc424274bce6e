import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import { type Check, isBoolean, milliseconds, oneOf } from '../options/check.ts'
import { checkOptions } from '../options/flatten-settings.ts'
import type { FlattenOptions } from '../options/options.ts'
import type { Writes } from './strategy.ts'

/** How {@link route} chooses between pools; beside it everything that `flatten()` takes. */
export interface RouteOptions extends FlattenOptions {
  /** One reader, or several, among which what reads is balanced: plain Knex instances. */
  readonly reader?: Knex | readonly Knex[]
  /** The same by another name. */
  readonly readers?: Knex | readonly Knex[]
  /** The writer: a plain Knex instance. Without one, what only a writer can do is refused with `NoWriterError`. */
  readonly writer?: Knex
  /** How writes reach the writer; see {@link Writes}. Default `'auto'` where there is a writer, else `'forward'`. */
  readonly writes?: Writes
  /** Milliseconds for which a reader that could not be reached is left alone. Default 10 000. */
  readonly coolDownMs?: number
  /**
   * Whether pools that lead to two writers, or to two clusters, are refused with `TransactionOptionsError`, by what the servers say of
   * themselves when they are connected to. Default true.
   */
  readonly checkServers?: boolean
}

/** {@link RouteOptions}, checked, and what of them is `flatten()`'s. */
export interface RouteSettings {
  readonly readers: readonly Knex[]
  readonly writer: Knex | undefined
  readonly writes: Writes
  readonly coolDownMs: number
  readonly checkServers: boolean
  readonly flatten: FlattenOptions
}

const anything = { allowed: 'a Knex instance', holds: () => true }

const checks: Record<Exclude<keyof RouteOptions, keyof FlattenOptions>, Check> = {
  // Whether they are is told where they are wrapped.
  reader: anything,
  readers: anything,
  writer: anything,
  writes: oneOf(['forward', 'writer', 'auto']),
  coolDownMs: milliseconds,
  checkServers: isBoolean,
}

const WHERE = 'route(options)'

/** @throws TransactionOptionsError naming what is wrong, and what to pass instead. */
export function checkRouteOptions(options: unknown): RouteSettings {
  if ((options as RouteOptions | undefined)?.nested === 'observe') {
    throw refused(
      "nested: 'observe' leaves Knex as it is, with one pool. Observe each instance by flatten(), without route()",
    )
  }
  const given: RouteOptions = checkOptions(WHERE, options, checks)
  const { reader, readers: several, writer, writes, coolDownMs, checkServers, ...flatten } = given
  if (reader !== undefined && several !== undefined)
    throw refused('reader and readers are the same; pass one of them')
  const readers = listOf(reader ?? several)
  if (readers.length === 0 && writer === undefined) {
    throw refused('there is neither a reader nor a writer. Pass { reader, writer }, or one of them')
  }
  const all = writer === undefined ? readers : [...readers, writer]
  const twice = all.findIndex((each, index) => all.indexOf(each) !== index)
  if (twice >= 0) {
    throw refused(
      'the same Knex instance was given twice. In the Region of the writer, give the writer alone, or an instance of its own for each',
    )
  }
  if (writes === 'writer' && writer === undefined)
    throw refused("writes: 'writer' needs a writer. Pass { writer }")
  if (flatten.onUnsupported === 'writer' && writer === undefined)
    throw refused("onUnsupported: 'writer' needs a writer. Pass { writer }, or choose 'throw' or 'warn'")
  if (flatten.onUnsupported === 'writer' && flatten.guard === 'always') {
    throw refused(
      "onUnsupported: 'writer' and guard: 'always' contradict each other: the writer would refuse what is sent to it. Drop one of them",
    )
  }
  return {
    readers,
    writer,
    writes: writes ?? (writer === undefined ? 'forward' : 'auto'),
    coolDownMs: coolDownMs ?? 10_000,
    checkServers: checkServers ?? true,
    flatten,
  }
}

function listOf(readers: RouteOptions['reader']): readonly Knex[] {
  if (readers === undefined) return []
  return Array.isArray(readers) ? (readers as readonly Knex[]) : [readers as Knex]
}

function refused(what: string): TransactionOptionsError {
  return new TransactionOptionsError(`${WHERE}: ${what}.`)
}
