import { publish } from '../events/publish.ts'
import { blockHere, hintOf } from '../routing/blocks.ts'
import type { RouteChoice } from '../routing/choice.ts'
import type { Instance } from './instance.ts'
import type { Builder, KnexClient, QueryObject, Runner } from './internals.ts'
import type { Route } from './route.ts'

/** What runs a query outside of any transaction: on a connection from the pool that it belongs to. */
export function routedRunner(
  instance: Instance,
  route: Route,
  client: KnexClient,
  builder: Builder,
  runner: Runner,
): Runner {
  if (client.transacting || builder._connection) return runner
  // Where it is run from is known now, and no more when it waits for a connection.
  const decided = decidedBy(builder)
  const ensureConnection = runner.ensureConnection.bind(runner)
  runner.ensureConnection = async (...how) => {
    const compiled = decided ? undefined : builder.toSQL()
    const choice = decided ?? route.strategy.forStatements(textsOf(compiled!))
    const { connection, choice: settled } = await route.pools.take(choice, () =>
      textsOf(builder.toSQL()).join('; '),
    )
    runner.connection = connection
    publish('knex-flatten:route', () => ({
      db: instance.knex,
      route: settled,
      transaction: undefined,
      statements: textsOf(compiled ?? builder.toSQL()),
    }))
    if (compiled && isSettled(instance, client, builder)) answerWith(builder, compiled)
    try {
      return await ensureConnection(...how)
    } finally {
      await client.releaseConnection(connection)
    }
  }
  return runner
}

function textsOf(compiled: QueryObject | QueryObject[]): string[] {
  return Array.isArray(compiled) ? compiled.map(({ sql }) => sql) : [compiled.sql]
}

function decidedBy(builder: Builder): RouteChoice | undefined {
  const target = hintOf(builder)
  if (target) return { target, reason: 'hint' }
  if (isSchemaBuilder(builder)) return { target: 'writer', reason: 'schema' }
  return blockHere().onWriter ? { target: 'writer', reason: 'block' } : undefined
}

function isSchemaBuilder(builder: Builder): boolean {
  return typeof (builder as { createTable?: unknown }).createTable === 'function'
}

/** Whoever listens to `start` may still change the query before Knex compiles it. */
function isSettled({ knex }: Instance, client: KnexClient, builder: Builder): boolean {
  return client === knex.client && knex.listenerCount('start') === 0 && builder.listenerCount?.('start') === 0
}

/** Knex is about to compile what was compiled a moment ago: it is answered with that, once. */
function answerWith(builder: Builder, compiled: QueryObject | QueryObject[]): void {
  builder.toSQL = () => {
    delete (builder as Partial<Builder>).toSQL
    return compiled
  }
}
