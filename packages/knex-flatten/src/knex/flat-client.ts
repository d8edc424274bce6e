import { publish } from '../events/publish.ts'
import { CallSite, nowhere } from '../transaction/call-site.ts'
import { ambientRunner } from './ambient.ts'
import { asExplained, explainStream, heed } from './answers.ts'
import { carrySite, noteRaw, watchBuilder } from './asked-at.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import { countCrossing, countOutside } from './crossings.ts'
import { inMode } from './consistency-mode.ts'
import type { Instance } from './instance.ts'
import type {
  Builder,
  ClassOf,
  Connection,
  Destroyable,
  KnexClient,
  KnexTransaction,
  QueryObject,
  Runner,
} from './internals.ts'
import { requestSessionOn } from './kept-session.ts'
import { LazyConnection } from './lazy-connection.ts'
import { lentBehind } from './lent-connection.ts'
import { openTransaction } from './open-transaction.ts'
import type { Route } from './route.ts'
import { routeOn } from './route-on.ts'
import { routedRunner } from './routed-runner.ts'
import {
  noteStatement,
  refuseStatement,
  refuseUnfit,
  refuseWriteHere,
  type Send,
  sendInside,
} from './statements.ts'
import { refuseControl } from './test-refusals.ts'
import { isKnown, rootOn, transactionOfClient } from './transaction-state.ts'

/**
 * Derives the class whose prototype a wrapped client gets.
 *
 * Knex builds the client of every transaction, and of every `withUserParams` clone, from
 * `client.constructor.prototype`: methods that stand there reach every level, own properties would reach none.
 */
export function deriveFlatClient(Client: ClassOf<KnexClient>, instance: Instance): ClassOf<KnexClient> {
  const noted = instance.settings.callSites
  return class FlatClient extends Client {
    override transaction(
      ...[container, config, outerTx]: Parameters<KnexClient['transaction']>
    ): KnexTransaction {
      const explicit = outerTx ?? transactionOfClient(this)
      // Opened before the instance was wrapped: it stays what it was.
      if (explicit && !isKnown(explicit)) return super.transaction(container, config, outerTx)
      // eslint-disable-next-line @typescript-eslint/unbound-method -- only its place on the stack is meant
      const site = noted ? new CallSite(FlatClient.prototype.transaction) : nowhere
      return openTransaction(
        instance,
        { client: this, explicit, container, config, site },
        (client, ...how) => super.transaction.call(client, ...how),
      )
    }

    override runner(builder: Builder): Runner {
      return ambientRunner(instance, this, builder, () =>
        routedRunner(instance, this, builder, carrySite(builder, super.runner(builder))),
      )
    }

    override queryBuilder(): Builder {
      return watchBuilder(instance, this, super.queryBuilder())
    }

    override raw(...args: unknown[]): Builder {
      // eslint-disable-next-line @typescript-eslint/unbound-method -- only its place on the stack is meant
      return noteRaw(instance, this, super.raw(...args), args[0], FlatClient.prototype.raw)
    }

    override query(connection: Connection, statement: string | QueryObject): Promise<QueryObject> {
      const open = rootOn(connection)
      const refusal = refuseControl(instance, statement)
      if (refusal) return Promise.reject(refusal)
      const send: Send = (real, what) => {
        const answer = super.query(real, tellingRoute(instance, real, what))
        return typeof what === 'string' ? answer : answer.catch(asExplained)
      }
      if (open) return sendInside(instance.guard, open, this, connection, statement, send)
      const unfit =
        refuseWriteHere(statement) ??
        instance.guard?.refusalOf(statement, this, connection) ??
        countOutside(instance, this, connection, statement)
      if (unfit) return Promise.reject(unfit)
      return send(connection, statement)
    }

    override stream(
      connection: Connection,
      statement: QueryObject,
      stream: Destroyable,
      streamOptions: unknown,
    ): Promise<unknown> {
      const open = rootOn(connection)
      const refusal = open ? refuseStatement(open, this, statement) : refuseWriteHere(statement)
      if (refusal) return refuseStream(stream, refusal)
      if (open) countRows(open.root, stream)
      const send = (real: Connection): Promise<unknown> => {
        const unfit = refuseUnfit(instance.guard, open, this, real, statement, true)
        const refused =
          unfit ??
          (open ? countCrossing(open, this, statement) : countOutside(instance, this, real, statement))
        if (refused) return refuseStream(stream, refused)
        if (open) noteStatement(open, statement)
        return super.stream(real, tellingRoute(instance, real, statement), stream, streamOptions)
      }
      if (!(connection instanceof LazyConnection)) return send(connection)
      return connection.ready().then(send, (error: unknown) => refuseStream(stream, error as Error))
    }

    override acquireConnection(): Promise<Connection> {
      const { testing, route } = instance
      if (testing) return testing.lend()
      if (route) return connectionByHand(instance, route)
      const acquired = super.acquireConnection()
      if (!instance.asksRoles) return acquired
      return acquired.then((connection) =>
        inMode(connection, instance.settings.consistency, (unfit) => super.releaseConnection(unfit)),
      )
    }

    override releaseConnection(connection: Connection): Promise<unknown> {
      const lent = lentBehind(connection)
      if (lent) return lent.takeBack()
      const session = requestSessionOn(connection)
      if (session) return session.endStream?.() ?? Promise.resolve()
      const owner = instance.pools.ownerOf(connection)
      return owner ? owner.giveBack(connection) : super.releaseConnection(connection)
    }

    override destroy(callback?: (error?: unknown) => void): Promise<void> {
      const { testing } = instance
      // At once, as Knex does it: its pool takes no more from this very call on.
      if (this.transacting) return super.destroy(callback)
      if (!testing) return instance.route ? instance.route.pools.destroy(callback) : super.destroy(callback)
      // The pool would wait for the connection that a test holds.
      const cut = testing.cut().catch(() => undefined)
      return cut.then(() =>
        instance.route ? instance.route.pools.destroy(callback) : super.destroy(callback),
      )
    }

    override cancelQuery(connection: Connection): Promise<unknown> {
      const real = connection instanceof LazyConnection ? (connection.real ?? connection) : connection
      const owner = instance.pools.ownerOf(real)
      return owner ? owner.cancel(real) : super.cancelQuery(real)
    }

    override _query(connection: Connection, statement: QueryObject): Promise<QueryObject> {
      const open = rootOn(connection)
      if (open) open.handedOver++
      const lent = lentBehind(connection)
      const answer = lent
        ? lent.perform(statement, () => super._query(connection, statement))
        : super._query(connection, statement)
      return answer.catch(heed(instance, this, open, connection, statement))
    }

    override _stream(
      connection: Connection,
      statement: QueryObject,
      stream: Destroyable,
      streamOptions: unknown,
    ): Promise<unknown> {
      const open = rootOn(connection)
      const lent = lentBehind(connection)
      explainStream(instance, this, open, connection, statement, stream)
      const answer = lent
        ? lent.stream(stream, () => super._stream(connection, statement, stream, streamOptions))
        : super._stream(connection, statement, stream, streamOptions)
      return answer.catch(heed(instance, this, open, connection, statement))
    }
  }
}

/** For who asks for a connection, and does with it what nobody can know. */
async function connectionByHand({ knex }: Instance, { pools, strategy }: Route): Promise<Connection> {
  const { connection, choice } = await pools.take(strategy.forUnknown(), () => 'A connection')
  publish('knex-flatten:route', () => ({
    db: knex,
    route: choice,
    transaction: undefined,
    statements: [],
  }))
  return connection
}

/** Whoever listens to Knex's `query` is told where it runs. */
function tellingRoute<Statement extends string | QueryObject>(
  { route }: Instance,
  connection: Connection,
  statement: Statement,
): Statement {
  if (route && typeof statement !== 'string') {
    statement.route = routeOn(connection, route)
  }
  return statement
}

/** Knex leaves it to its dialects to tell the stream; whoever reads from it would wait for ever. */
function refuseStream(stream: Destroyable, error: Error): Promise<never> {
  stream.destroy(error)
  return Promise.reject(error)
}

function countRows(root: RootTransaction, stream: Destroyable): void {
  root.rowStreams++
  stream.once('close', () => root.rowStreams--)
}
