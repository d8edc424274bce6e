import { FlattenError } from '../errors/flatten-error.ts'
import { publish } from '../events/publish.ts'
import { blockHere, hintOf } from '../routing/blocks.ts'
import type { RouteChoice } from '../routing/choice.ts'
import { isPassing } from '../transaction/retry.ts'
import { enterMode, leaveMode } from './consistency-mode.ts'
import type { Instance } from './instance.ts'
import type { Builder, Connection, KnexClient, QueryObject, Runner } from './internals.ts'
import { requestOf } from './request-sessions.ts'
import { writes } from './statements.ts'
import { endsSession, raisedByServer } from './wire-errors.ts'

/** What runs a query outside of any transaction: on a connection from the pool that it belongs to, or of the request that it is made in. */
export function routedRunner(
  instance: Instance,
  client: KnexClient,
  builder: Builder,
  runner: Runner,
): Runner {
  if (instance.testing || client.transacting || builder._connection) return runner
  const { route, pools } = instance
  const request = requestOf(instance)
  const { consistency } = blockHere()
  if (!route && !request && consistency === undefined) return runner
  // Where it is run from is known now, and no more when it waits for a connection.
  const decided = decidedBy(instance, builder)
  const ensureConnection = runner.ensureConnection.bind(runner)
  runner.ensureConnection = async (...how) => {
    const compiled = (decided && !request) || isSchemaBuilder(builder) ? undefined : builder.toSQL()
    // Who streams its rows says how.
    const isStream = how.length > 1
    const choice = decided ?? route!.strategy.forStatements(textsOf(compiled!), isStream)
    const mayWrite = request !== undefined && (compiled === undefined || textsOf(compiled).some(writes))
    const what = (): string => textsOf(compiled ?? builder.toSQL()).join('; ')
    const taken = request
      ? await request.take({ choice, kind: isStream ? 'stream' : 'statement', mayWrite, consistency, what })
      : await pools.take(choice, what)
    const { connection, from, choice: settled } = taken
    runner.connection = connection
    if (route) {
      publish('knex-flatten:route', () => ({
        db: instance.knex,
        route: settled,
        transaction: undefined,
        statements: textsOf(compiled ?? builder.toSQL()),
      }))
    }
    if (compiled && isSettled(instance, client, builder)) answerWith(builder, compiled)
    let wrote = mayWrite
    try {
      if (consistency !== undefined) await enterMode(connection, consistency)
      return await ensureConnection(...how)
    } catch (error) {
      // It was refused before it was sent.
      if (error instanceof FlattenError && error.cause === undefined) wrote = false
      // Nobody is to be handed a connection that has gone, though Knex has not heard of it yet.
      if (endsSession(error) || (!raisedByServer(error) && isPassing(error))) {
        connection.__knex__disposed ??= error
      }
      throw error
    } finally {
      if (consistency !== undefined) await leaveBlock(instance, connection, isStream)
      await from.giveBack(connection, wrote)
    }
  }
  return runner
}

async function leaveBlock(instance: Instance, connection: Connection, isStream: boolean): Promise<void> {
  if (!isStream) await leaveMode(connection, instance.settings.consistency)
  // Knex has given a stream's connection back when the stream was closed: who takes it next puts its mode right, if anybody looks.
  else if (!instance.route && !instance.asksRoles) {
    connection.__knex__disposed ??= new Error('Its mode is that of a stream.')
  }
}

function textsOf(compiled: QueryObject | QueryObject[]): string[] {
  return Array.isArray(compiled) ? compiled.map(({ sql }) => sql) : [compiled.sql]
}

/** The choice that does not wait for what the builder sends. */
function decidedBy({ route }: Instance, builder: Builder): RouteChoice | undefined {
  if (!route) return { target: 'reader', reason: 'only-pool' }
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
