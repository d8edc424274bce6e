import type { Knex } from 'knex'
import { TransactionOptionsError } from '../errors/errors.ts'
import { runInBlock } from '../routing/blocks.ts'
import type { RouteSettings } from '../routing/options.ts'
import { Strategy } from '../routing/strategy.ts'
import { ClientPool } from './client-pool.ts'
import type { KnexClient } from './internals.ts'
import { Pools } from './pools.ts'
import { plainClientOf, wrapClient } from './wrap.ts'

/** Puts the pools of several Knex instances behind the first of them. @throws TransactionOptionsError for what is no plain instance */
export function routeInstance({
  readers,
  writer,
  writes,
  coolDownMs,
  checkServers,
  flatten,
}: RouteSettings): Knex {
  const instances = [...readers, ...(writer ? [writer] : [])]
  const [knex] = instances
  const [front] = instances.map(poolOwnerOf) as [KnexClient]
  const below = Object.getPrototypeOf(front) as KnexClient
  const poolOf = (instance: Knex, name: string): ClientPool =>
    instance === knex
      ? new ClientPool(front, name, below)
      : new ClientPool(instance.client as KnexClient, name)
  const nameOf = (index: number): string => (readers.length > 1 ? `reader ${index + 1}` : 'reader')
  const readerPools = readers.map((reader, index) => poolOf(reader, nameOf(index)))
  const pools = new Pools(readerPools, writer && poolOf(writer, 'writer'), {
    db: knex!,
    coolDownMs,
    checkServers,
    mayLeave: writes === 'auto',
    consistency: flatten.consistency,
  })
  const strategy = new Strategy(writes, flatten.profile ?? 'aws-global', flatten.onUnsupported === 'writer')
  wrapClient(knex!, flatten, { strategy, pools })
  schemaWorkOnWriter(knex!)
  for (const { client } of instances) taken.add(client as object)
  return knex!
}

/** The clients behind some routed instance. */
const taken = new WeakSet<object>()

/** The client of a plain instance that has a pool, and whose pool is nobody else's. @throws TransactionOptionsError */
function poolOwnerOf(instance: Knex): KnexClient {
  const client = plainClientOf(instance, WHERE)
  if (taken.has(client)) {
    throw new TransactionOptionsError(
      `${WHERE}: this instance stands behind another route() already, which closes it by its destroy(). Make another: knex({ client: "pg", … }).`,
    )
  }
  if (client.pool) return client
  throw new TransactionOptionsError(
    `${WHERE}: this instance has no pool: it was destroyed, or made without a connection. Make it by knex({ client: "pg", connection }).`,
  )
}

const WHERE = 'route(options)'

/** `db.migrate` and `db.seed` read what they have written before: all they do is the writer's, also of a clone with its own user params. */
function schemaWorkOnWriter(knex: Knex): void {
  const withUserParams = knex.withUserParams.bind(knex)
  Object.defineProperty(knex, 'withUserParams', {
    configurable: true,
    value: (params: object) => {
      const clone = withUserParams(params)
      schemaWorkOnWriter(clone)
      return clone
    },
  })
  for (const name of ['migrate', 'seed'] as const) {
    const property = Object.getOwnPropertyDescriptor(knex, name)!
    Object.defineProperty(knex, name, {
      configurable: true,
      get: () => onWriter(property.get!.call(knex) as object),
    })
  }
}

function onWriter<Worker extends object>(worker: Worker): Worker {
  return new Proxy(worker, {
    get(target, key): unknown {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      return (...given: unknown[]) =>
        runInBlock({ onWriter: true }, () => Reflect.apply(value, target, given) as unknown)
    },
  })
}
