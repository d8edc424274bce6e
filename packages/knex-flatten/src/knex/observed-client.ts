import type { ObservationLog } from '../observe/observation-log.ts'
import { CallSite } from '../transaction/call-site.ts'
import type { Instance } from './instance.ts'
import type {
  ClassOf,
  Connection,
  Destroyable,
  KnexClient,
  KnexTransaction,
  QueryObject,
} from './internals.ts'
import { openObserved } from './observed-opening.ts'
import { watchAnswer, watchStatement } from './observed-statements.ts'
import { isWatched } from './observed-state.ts'
import { transactionOfClient } from './transaction-state.ts'

/**
 * Derives the class whose prototype a client gets that is only observed.
 *
 * Everything is Knex's own, down to the last microtask: what is learnt is learnt beside its promises, not between them.
 */
export function deriveObservedClient(
  Client: ClassOf<KnexClient>,
  instance: Instance,
  log: ObservationLog,
): ClassOf<KnexClient> {
  return class ObservedClient extends Client {
    override transaction(
      ...[container, config, outerTx]: Parameters<KnexClient['transaction']>
    ): KnexTransaction {
      const explicit = outerTx ?? transactionOfClient(this)
      // Opened before the instance was wrapped: nothing is known of it.
      if (explicit && !isWatched(explicit)) return super.transaction(container, config, outerTx)
      // eslint-disable-next-line @typescript-eslint/unbound-method -- only its place on the stack is meant
      const site = new CallSite(ObservedClient.prototype.transaction)
      return openObserved(instance, log, { client: this, explicit, container, config, site }, (watched) =>
        super.transaction(watched, config, outerTx),
      )
    }

    override query(connection: Connection, statement: string | QueryObject): Promise<QueryObject> {
      const answer = super.query(connection, statement)
      // Knex's own statements of a transaction come as plain texts.
      if (typeof statement !== 'string') watchStatement(this, connection, statement, answer)
      return answer
    }

    override stream(
      connection: Connection,
      statement: QueryObject,
      stream: Destroyable,
      streamOptions: unknown,
    ): Promise<unknown> {
      const answer = super.stream(connection, statement, stream, streamOptions)
      watchStatement(this, connection, statement, answer)
      return answer
    }

    override _query(connection: Connection, statement: QueryObject): Promise<QueryObject> {
      const answer = super._query(connection, statement)
      watchAnswer(this, connection, statement, answer)
      return answer
    }

    override _stream(
      connection: Connection,
      statement: QueryObject,
      stream: Destroyable,
      streamOptions: unknown,
    ): Promise<unknown> {
      const answer = super._stream(connection, statement, stream, streamOptions)
      watchAnswer(this, connection, statement, answer)
      return answer
    }
  }
}
