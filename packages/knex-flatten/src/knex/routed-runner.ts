import type { RouteChoice } from '../routing/choice.ts'
import { blockHere, hintOf } from '../routing/blocks.ts'
import type { Builder, KnexClient, QueryObject, Runner } from './internals.ts'
import type { Route } from './route.ts'

/** What runs a query outside of any transaction: on a connection from the pool that it belongs to. */
export function routedRunner(route: Route, client: KnexClient, builder: Builder, runner: Runner): Runner {
  if (client.transacting || builder._connection) return runner
  // Where it is run from is known now, and no more when it waits for a connection.
  const decided = decidedBy(builder)
  const ensureConnection = runner.ensureConnection.bind(runner)
  runner.ensureConnection = async (...how) => {
    let sql: readonly QueryObject[] | undefined
    const compiled = () => (sql ??= [builder.toSQL()].flat())
    const choice = decided ?? route.strategy.forStatements(compiled().map((each) => each.sql))
    const { connection } = await route.pools.take(choice, () =>
      compiled()
        .map((each) => each.sql)
        .join('; '),
    )
    runner.connection = connection
    try {
      return await ensureConnection(...how)
    } finally {
      await client.releaseConnection(connection)
    }
  }
  return runner
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
