import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import { type FlattenSettings, settle } from '../options/flatten-settings.ts'
import { ForwardedTexts } from '../crossings/forwarded-texts.ts'
import type { FlattenOptions } from '../options/options.ts'
import { ObservationLog } from '../observe/observation-log.ts'
import { deriveFlatClient } from './flat-client.ts'
import { StatementGuard } from '../guard/statement-guard.ts'
import { ClientPool } from './client-pool.ts'
import { Guard } from './guard.ts'
import type { Instance } from './instance.ts'
import type { ClassOf, KnexClient } from './internals.ts'
import { Pools } from './pools.ts'
import type { Route } from './route.ts'
import { deriveObservedClient } from './observed-client.ts'

/** The instance that a flat client class was derived for, by its prototype. */
const wrapped = new WeakMap<object, Instance>()

/**
 * Gives the client of a Knex instance the flattening prototype; the instance stays the same object.
 *
 * @throws TransactionOptionsError for what is no Knex instance on PostgreSQL, for a transaction, and for a second
 * wrapping with other options.
 */
export function wrapClient(knex: Knex, options: FlattenOptions, route?: Route): void {
  const client = clientOf(knex, 'flatten(knex)')
  const before = instanceOf(client)
  if (before) {
    refuseOtherOptions(before.settings, options)
    return
  }
  const settings = settle(options)
  const observed = settings.nested === 'observe' ? new ObservationLog() : undefined
  const instance: Instance = {
    knex,
    settings,
    observed,
    guard:
      observed || settings.guard === 'off'
        ? undefined
        : new Guard(new StatementGuard(settings.profile), settings, knex, route?.pools.writer !== undefined),
    route,
    pools: route?.pools ?? onlyPool(knex, client, settings),
    asksRoles: !observed && (settings.guard === 'reader' || settings.consistency !== undefined),
    crossings: { budget: settings.crossings ?? {}, forwarded: new ForwardedTexts() },
    waitingForConnection: new Map(),
  }
  const Client = client.constructor as ClassOf<KnexClient>
  const { prototype } = observed
    ? deriveObservedClient(Client, instance, observed)
    : deriveFlatClient(Client, instance)
  wrapped.set(prototype as object, instance)
  Object.setPrototypeOf(client, prototype as object)
}

/** The pool of an instance that has no other, whatever its server is. */
function onlyPool(db: Knex, client: KnexClient, { consistency }: FlattenSettings): Pools {
  const pool = new ClientPool(client, 'only pool', Object.getPrototypeOf(client) as KnexClient)
  return new Pools([], pool, { db, coolDownMs: 0, checkServers: false, mayLeave: false, consistency })
}

function clientOf(knex: unknown, where: string): KnexClient {
  const candidate = knex as { isTransaction?: boolean; client?: Partial<KnexClient> } | null | undefined
  const client = candidate?.client
  if (
    typeof knex !== 'function' ||
    typeof client?.transaction !== 'function' ||
    typeof client.query !== 'function'
  ) {
    throw new TransactionOptionsError(
      `${where}: this is not a Knex instance. Pass what knex({ client: "pg", … }) returned.`,
    )
  }
  if (candidate?.isTransaction || client.transacting) {
    throw new TransactionOptionsError(
      `${where}: this is a transaction. Wrap the Knex instance once, where it is made; its transactions follow.`,
    )
  }
  // CockroachDB and the native driver call themselves PostgreSQL too, but neither behaves nor was tested like it.
  if (client.dialect !== 'postgresql' || client.driverName !== 'pg') {
    const spoken = client.dialect === 'postgresql' ? client.driverName : client.dialect
    throw new TransactionOptionsError(
      `${where}: this instance speaks ${spoken ?? 'no dialect'}. Only PostgreSQL is supported: knex({ client: "pg", … }).`,
    )
  }
  return client as KnexClient
}

/** The client of an instance that nothing was wrapped around yet. @throws TransactionOptionsError */
export function plainClientOf(knex: unknown, where: string): KnexClient {
  const client = clientOf(knex, where)
  if (!instanceOf(client)) return client
  throw new TransactionOptionsError(
    `${where}: this instance is wrapped already. Pass what knex({ client: "pg", … }) returned, and flatten's options to route().`,
  )
}

/** The wrapped instance that a client belongs to, itself, as a clone's or as a transaction's. */
export function instanceOf(client: KnexClient): Instance | undefined {
  return wrapped.get(Object.getPrototypeOf(client) as object)
}

/** Wrapping twice is harmless; wrapping twice in different ways would leave one of the two unheard. */
function refuseOtherOptions(before: FlattenSettings, options: FlattenOptions): void {
  const settings = settle(options)
  for (const name of Object.keys(options) as (keyof FlattenOptions)[]) {
    if (settings[name] === before[name]) continue
    throw new TransactionOptionsError(
      `flatten(knex): this instance is wrapped already, with another ${name}. Wrap it once, where it is made.`,
    )
  }
}
