import type { Knex } from 'knex'
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
  const [knex] = [...readers, ...(writer ? [writer] : [])]
  const front = plainClientOf(knex, 'route(options)')
  const below = Object.getPrototypeOf(front) as KnexClient
  const poolOf = (instance: Knex, name: string): ClientPool =>
    instance === knex
      ? new ClientPool(front, name, below)
      : new ClientPool(plainClientOf(instance, 'route(options)'), name)
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
  return knex!
}

/** `db.migrate` and `db.seed` read what they have written before: all they do is the writer's. */
function schemaWorkOnWriter(knex: Knex): void {
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
