import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import type { FlattenOptions } from '../options.ts'
import { deriveFlatClient } from './flat-client.ts'
import type { ClassOf, KnexClient } from './internals.ts'

/** The options a flat client class was derived with, by its prototype. */
const wrapped = new WeakMap<object, FlattenOptions>()

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
  const Flat = deriveFlatClient(client.constructor as ClassOf<KnexClient>, options)
  wrapped.set(Flat.prototype as object, options)
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
  if (client.dialect !== 'postgresql') {
    throw new TransactionOptionsError(
      `flatten(knex): this instance speaks ${client.dialect ?? 'no dialect'}. Only PostgreSQL is supported: knex({ client: "pg", … }).`,
    )
  }
  return client as KnexClient
}

function wrappedOptions(client: KnexClient): FlattenOptions | undefined {
  return wrapped.get(Object.getPrototypeOf(client) as object)
}

/** Wrapping twice is harmless; wrapping twice in different ways would leave one of the two unheard. */
function refuseOtherOptions(before: FlattenOptions, options: FlattenOptions): void {
  for (const name of Object.keys(options) as (keyof FlattenOptions)[]) {
    if (options[name] === before[name]) continue
    throw new TransactionOptionsError(
      `flatten(knex): this instance is wrapped already, with another ${name}. Wrap it once, where it is made.`,
    )
  }
}
