import { checkTransactionOptions, type FlattenOptions, type TransactionOptions } from '../options.ts'
import { CallSite } from '../transaction/call-site.ts'
import { runInside, scopeRunningInside } from '../transaction/context.ts'
import { shortenSql } from '../transaction/failure.ts'
import type { Frame } from '../transaction/frame.ts'
import { RootTransaction } from '../transaction/root-transaction.ts'
import { Scope } from '../transaction/scope.ts'
import { SiblingQueue } from '../transaction/sibling-queue.ts'
import { alreadyComplete, notDurable, rollbackOnly } from '../transaction/verdicts.ts'
import { runControl, SCOPE_RELEASE, SCOPE_ROLLBACK } from './control-statements.ts'
import { flattenTransaction } from './flat-transaction.ts'
import type {
  ClassOf,
  Connection,
  Container,
  Destroyable,
  KnexClient,
  KnexTransaction,
  QueryObject,
} from './internals.ts'
import {
  isKnown,
  type OpenRoot,
  rootOn,
  stateOf,
  transactionBehind,
  transactionOfClient,
  type TransactionState,
} from './transaction-state.ts'
import { noteFailure } from './wire-errors.ts'

/** Knex's own default for `acquireConnectionTimeout`, milliseconds. */
const DEFAULT_PATIENCE_MS = 60_000

/**
 * Derives the class whose prototype a wrapped client gets.
 *
 * Knex builds the client of every transaction, and of every `withUserParams` clone, from
 * `client.constructor.prototype`: methods that stand there reach every level, own properties would reach none.
 */
export function deriveFlatClient(
  Client: ClassOf<KnexClient>,
  options: Required<FlattenOptions>,
): ClassOf<KnexClient> {
  return class FlatClient extends Client {
    override transaction(
      ...[container, config, outerTx]: Parameters<KnexClient['transaction']>
    ): KnexTransaction {
      const outer = outerTx ?? transactionOfClient(this)
      // Opened before the instance was wrapped: it stays what it was.
      if (outer && !isKnown(outer)) return super.transaction(container, config, outerTx)
      const around = outer && innermostRunning(outer)
      const client = around === outer ? this : (around?.trxClient ?? this)
      // eslint-disable-next-line @typescript-eslint/unbound-method -- only its place on the stack is meant
      const site = new CallSite(FlatClient.prototype.transaction)
      const state = openState(config, around, site, options, this.config.acquireConnectionTimeout)
      // Knex's own queue would wait for ever; ours is in the state.
      if (around) around._lastChild = Promise.resolve()
      try {
        const inside = insideFrame(state.frame, container)
        const transaction = super.transaction.call(client, inside, config, around)
        flattenTransaction(transaction, state)
        return transaction
      } catch (error) {
        // Knex refuses an isolation level it does not know at once.
        state.frame.end()
        throw error
      }
    }

    override query(connection: Connection, statement: string | QueryObject): Promise<QueryObject> {
      const open = rootOn(connection)
      if (!open) return super.query(connection, statement)
      if (typeof statement === 'string') {
        if (statement === SCOPE_RELEASE || statement === SCOPE_ROLLBACK) {
          return Promise.resolve({ sql: statement, bindings: [] })
        }
        if (open.control) {
          return runControl(open, open.control, statement, (sql) => super.query(connection, sql))
        }
      }
      const refusal = refuseIfDoomed(open, this, statement)
      return refusal ? Promise.reject(refusal) : super.query(connection, statement)
    }

    override stream(
      connection: Connection,
      statement: QueryObject,
      stream: Destroyable,
      streamOptions: unknown,
    ): Promise<unknown> {
      const open = rootOn(connection)
      const refusal = open && refuseIfDoomed(open, this, statement)
      if (!refusal) return super.stream(connection, statement, stream, streamOptions)
      // Knex leaves it to its dialects to tell the stream; whoever reads from it would wait for ever.
      stream.destroy(refusal)
      return Promise.reject(refusal)
    }

    override _query(connection: Connection, statement: QueryObject): Promise<QueryObject> {
      const open = rootOn(connection)
      const answer = super._query(connection, statement)
      return open ? answer.catch(noteFailure(open, frameOf(this, open), statement)) : answer
    }

    override _stream(
      connection: Connection,
      statement: QueryObject,
      stream: Destroyable,
      streamOptions: unknown,
    ): Promise<unknown> {
      const open = rootOn(connection)
      const answer = super._stream(connection, statement, stream, streamOptions)
      return open ? answer.catch(noteFailure(open, frameOf(this, open), statement)) : answer
    }
  }
}

/** A sibling asked for from inside a running scope could only wait for that scope, which waits for it. */
function innermostRunning(transaction: KnexTransaction): KnexTransaction {
  const inner = scopeRunningInside(stateOf(transaction).frame)
  return (inner && transactionBehind(inner)) ?? transaction
}

function openState(
  config: unknown,
  around: KnexTransaction | undefined,
  site: CallSite,
  { doomOn }: Required<FlattenOptions>,
  patienceMs: number = DEFAULT_PATIENCE_MS,
): TransactionState {
  const outer = around && stateOf(around)
  const { options, wrong } = readOptions(config)
  const frame = outer ? new Scope(outer.frame, options.name, site) : new RootTransaction(options.name, site)
  const refusal = wrong ?? (outer && refuseScope(frame, outer.frame, options))
  if (refusal) frame.end()
  const scopes = new SiblingQueue(frame, patienceMs)
  return { frame, doomOn, scopes, siblings: outer?.scopes, refusal }
}

function readOptions(config: unknown): { options: TransactionOptions; wrong?: Error } {
  try {
    return { options: checkTransactionOptions(config) }
  } catch (wrong) {
    return { options: {}, wrong: wrong as Error }
  }
}

function refuseScope(scope: Frame, around: Frame, options: TransactionOptions): Error | undefined {
  if (around.ended) return alreadyComplete(scope, around)
  return options.durable ? notDurable(scope, around) : undefined
}

function insideFrame(frame: Frame, container: Container): Container {
  if (typeof container !== 'function') return container
  return (transactor) => runInside(frame, () => started(container(transactor)))
}

/** A builder, which starts only when it is awaited, would be started by Knex, outside of the scope. */
function started(result: unknown): unknown {
  const { then } = (result ?? {}) as Partial<PromiseLike<unknown>>
  if (result instanceof Promise || typeof then !== 'function') return result
  return new Promise((resolve, reject) => {
    then.call(result, resolve, reject)
  })
}

function frameOf(client: KnexClient, open: OpenRoot): Frame {
  const transaction = transactionOfClient(client)
  return transaction ? stateOf(transaction).frame : open.root
}

function refuseIfDoomed(
  open: OpenRoot,
  client: KnexClient,
  statement: string | QueryObject,
): Error | undefined {
  const { failure } = open.root
  if (!failure) return undefined
  const sql = shortenSql(typeof statement === 'string' ? statement : statement.sql)
  return rollbackOnly(frameOf(client, open), failure, `The statement\n    ${sql}\nwas not sent`)
}
