import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import { DEFAULT_OPTIONS, type FlattenOptions } from '../options.ts'
import { deriveFlatClient } from './flat-client.ts'
import type { ClassOf, KnexClient } from './internals.ts'

/** The options a flat client class was derived with, by its prototype. */
const wrapped = new WeakMap<object, Required<FlattenOptions>>()

/**
 * Gives the client of a Knex instance the flattening prototype; the instance stays the same object.
 *
 * @throws TransactionOptionsError for what is no Knex instance on PostgreSQL, for a transaction, and for a second
 * wrapping with other options.
 */
export function wrapClient(knex: Knex, options: FlattenOptions): void {
  const client = clientOf(knex)
  const before = wrappedOptions(client)
  if (before) {
    refuseOtherOptions(before, options)
    return
  }
  const all = { ...DEFAULT_OPTIONS, ...options }
  const Flat = deriveFlatClient(client.constructor as ClassOf<KnexClient>, all)
  wrapped.set(Flat.prototype as object, all)
  Object.setPrototypeOf(client, Flat.prototype as object)
}

function clientOf(knex: unknown): KnexClient {
  const candidate = knex as { isTransaction?: boolean; client?: Partial<KnexClient> } | null | undefined
  const client = candidate?.client
  if (
    typeof knex !== 'function' ||
    typeof client?.transaction !== 'function' ||
    typeof client.query !== 'function'
  ) {
    throw new TransactionOptionsError(
      'flatten(knex): this is not a Knex instance. Pass what knex({ client: "pg", … }) returned.',
    )
  }
  if (candidate?.isTransaction || client.transacting) {
    throw new TransactionOptionsError(
      'flatten(knex): this is a transaction. Wrap the Knex instance once, where it is made; its transactions follow.',
    )
  }
  // CockroachDB and the native driver call themselves PostgreSQL too, but neither behaves nor was tested like it.
  if (client.dialect !== 'postgresql' || client.driverName !== 'pg') {
    const spoken = client.dialect === 'postgresql' ? client.driverName : client.dialect
    throw new TransactionOptionsError(
      `flatten(knex): this instance speaks ${spoken ?? 'no dialect'}. Only PostgreSQL is supported: knex({ client: "pg", … }).`,
    )
  }
  return client as KnexClient
}

function wrappedOptions(client: KnexClient): Required<FlattenOptions> | undefined {
  return wrapped.get(Object.getPrototypeOf(client) as object)
}

/** Wrapping twice is harmless; wrapping twice in different ways would leave one of the two unheard. */
function refuseOtherOptions(before: Required<FlattenOptions>, options: FlattenOptions): void {
  for (const name of Object.keys(options) as (keyof FlattenOptions)[]) {
    if (options[name] === before[name]) continue
    throw new TransactionOptionsError(
      `flatten(knex): this instance is wrapped already, with another ${name}. Wrap it once, where it is made.`,
    )
  }
}
