import { DurableTransactionError } from '../errors/errors.ts'
import { checkTransactionOptions, type FlattenOptions, type TransactionOptions } from '../options.ts'
import { CallSite } from '../transaction/call-site.ts'
import { currentFrame, runInside } from '../transaction/context.ts'
import { shortenSql } from '../transaction/failure.ts'
import type { Frame } from '../transaction/frame.ts'
import { RootTransaction } from '../transaction/root-transaction.ts'
import { Scope } from '../transaction/scope.ts'
import { rollbackOnly } from '../transaction/verdicts.ts'
import { runControlStatement } from './control-statements.ts'
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
import { buildBehindSiblings } from './siblings.ts'
import {
  type OpenRoot,
  rootOn,
  stateOf,
  transactionBehind,
  transactionOfClient,
} from './transaction-state.ts'
import { noteFailure } from './wire-errors.ts'

/**
 * Derives the class whose prototype a wrapped client gets.
 *
 * Knex builds the client of every transaction, and of every `withUserParams` clone, from
 * `client.constructor.prototype`: methods that stand there reach every level, own properties would reach none.
 */
export function deriveFlatClient(Client: ClassOf<KnexClient>, options: FlattenOptions): ClassOf<KnexClient> {
  return class FlatClient extends Client {
    override transaction(
      ...[container, config, outerTx]: Parameters<KnexClient['transaction']>
    ): KnexTransaction {
      const around = outerTx ?? transactionOfClient(this)
      const inner = around && scopeRunningInside(stateOf(around).frame)
      // A sibling asked for from inside a running scope could only wait for that scope, which waits for it.
      if (inner) return inner.trxClient.transaction(container, config, inner)

      const site = new CallSite()
      const parent = around && stateOf(around).frame
      const { name, refusal } = readOptions(config, parent)
      const siblings = parent?.openScopes ?? []
      const frame = parent ? new Scope(parent, name, site) : new RootTransaction(name, site)
      if (refusal) frame.end()
      const build = (): KnexTransaction => super.transaction(insideFrame(frame, container), config, around)
      try {
        const transaction = around
          ? buildBehindSiblings(around, frame, siblings, build, this.config.acquireConnectionTimeout)
          : build()
        flattenTransaction(transaction, {
          frame,
          doomOn: options.doomOn ?? 'scope',
          ...(refusal && { refusal }),
        })
        return transaction
      } catch (error) {
        // Knex refuses an isolation level it does not know at once.
        frame.end()
        throw error
      }
    }

    override query(connection: Connection, statement: string | QueryObject): Promise<QueryObject> {
      const open = rootOn(connection)
      if (!open) return super.query(connection, statement)
      if (typeof statement !== 'string') {
        const refusal = refuseIfDoomed(open, this, statement)
        return refusal ? Promise.reject(refusal) : super.query(connection, statement)
      }
      return runControlStatement(open, statement, () => super.query(connection, statement))
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

/** The innermost open scope inside `frame` whose callback we are running in. */
function scopeRunningInside(frame: Frame): KnexTransaction | undefined {
  let current = currentFrame()
  if (!current || current === frame || !current.isWithin(frame)) return undefined
  while (current && current !== frame && current.ended) current = current.parent
  return current && current !== frame ? transactionBehind(current) : undefined
}

function readOptions(config: unknown, parent: Frame | undefined): TransactionOptions & { refusal?: Error } {
  try {
    const options = checkTransactionOptions(config)
    if (!options.durable || !parent) return options
    const named = options.name ? ` "${options.name}"` : ''
    const refusal = new DurableTransactionError(
      `The durable transaction${named} was asked for inside the ${parent}, whose rollback would undo it. ` +
        'Open it on the Knex instance outside of any transaction, or drop { durable: true }.',
    )
    return { ...options, refusal }
  } catch (refusal) {
    return { refusal: refusal as Error }
  }
}

function insideFrame(frame: Frame, container: Container): Container {
  if (typeof container !== 'function') return container
  return (transactor) => runInside(frame, () => container(transactor))
}

function frameOf(client: KnexClient, open: OpenRoot): Frame {
  const transaction = transactionOfClient(client)
  return transaction ? stateOf(transaction).frame : open.root
}

function refuseIfDoomed(open: OpenRoot, client: KnexClient, { sql }: QueryObject): Error | undefined {
  const { failure } = open.root
  if (!failure) return undefined
  return rollbackOnly(frameOf(client, open), failure, `The statement\n    ${shortenSql(sql)}\nwas not sent`)
}
