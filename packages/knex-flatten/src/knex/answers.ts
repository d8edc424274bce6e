import type { FlattenError } from '../errors/flatten-error.ts'
import type { ServerError } from '../guard/answer.ts'
import { explain } from '../guard/explain.ts'
import { failedStatement, shortenSql, tellFailure } from '../transaction/failure.ts'
import { writeInReadOnlyRoot } from '../transaction/read-only-verdicts.ts'
import { siteOf } from './asked-at.ts'
import { inTransaction } from './custody.ts'
import type { Instance } from './instance.ts'
import type { Connection, Destroyable, KnexClient, QueryObject } from './internals.ts'
import { doubtRole, knownRole, readerSessionOf } from './server-role.ts'
import { frameOf, type OpenRoot } from './transaction-state.ts'
import { endsSession, isLost, raisedByServer } from './wire-errors.ts'

/** What whoever asked for a statement is to hear in the place of what the server said. */
const explained = new WeakMap<object, FlattenError>()

/** What a reader refused last on a connection that none of our roots is on: it may be in a transaction of the application's own. */
const lastRefused = new WeakMap<Connection, string>()

/**
 * Takes note of what a statement was answered with, dooms the unit that it stands in, and passes the error on.
 *
 * It is called before Knex puts the SQL in front of the error's message. An error that never reached the server (a binding that cannot be
 * written, say) leaves a transaction as it was.
 */
export function heed(
  instance: Instance,
  client: KnexClient,
  open: OpenRoot | undefined,
  connection: Connection,
  statement: QueryObject,
): (error: unknown) => never {
  return (error) => {
    explainOnce(instance, client, open, connection, statement, error)
    if (isReadOnlyAnswer(error)) doubtRole(open?.lazy?.real ?? connection)
    if (open) {
      const lost = endsSession(error) || isLost((open.lazy?.real ?? open.connection).__knex__disposed)
      if (lost || raisedByServer(error)) {
        const frame = frameOf(client, open)
        // No savepoint survives its connection.
        const { unit } = lost ? open.root : frame
        unit.doom(failedStatement(frame, error, statement.sql, lost, explanationOf(error)))
      }
    }
    throw error
  }
}

/** It may be that its server was a writer, and is no more. */
function isReadOnlyAnswer(error: unknown): boolean {
  return raisedByServer(error) && error.code === '25006'
}

/** Passes on what {@link heed} found to say in the place of an error. */
export function asExplained(error: unknown): never {
  throw explanationOf(error)
}

/** The same for a stream, which Knex's dialect tells of an error before anybody else. */
export function explainStream(
  instance: Instance,
  client: KnexClient,
  open: OpenRoot | undefined,
  connection: Connection,
  statement: QueryObject,
  stream: Destroyable,
): void {
  if (knownRole(connection) !== 'reader') return
  const emit = stream.emit.bind(stream)
  stream.emit = (event, ...details) => {
    if (event !== 'error') return emit(event, ...details)
    const [error] = details
    explainOnce(instance, client, open, connection, statement, error)
    return emit(event, explanationOf(error))
  }
}

function explainOnce(
  instance: Instance,
  client: KnexClient,
  open: OpenRoot | undefined,
  connection: Connection,
  statement: QueryObject,
  error: unknown,
): void {
  // Knex's own, BEGIN and its kin, come as plain texts, which get no bindings.
  if (!raisedByServer(error) || !statement.bindings || explained.has(error)) return
  const told = explainTo(instance, client, open, connection, statement, error)
  if (told) explained.set(error, told)
}

function explanationOf(error: unknown): unknown {
  return (typeof error === 'object' && error !== null && explained.get(error)) || error
}

function explainTo(
  instance: Instance,
  client: KnexClient,
  open: OpenRoot | undefined,
  connection: Connection,
  statement: QueryObject,
  error: ServerError,
): FlattenError | undefined {
  const { sql } = statement
  const isReader = knownRole(connection) === 'reader'
  if (error.code === '25006' && open?.root.readOnly && (isReader || instance.route)) {
    return writeInReadOnlyRoot(open.root, sql, siteOf(statement), error)
  }
  const failure = open && frameOf(client, open).unit.failure
  const told = explain({
    error,
    sql,
    profile: instance.settings.profile,
    isReader,
    mode: readerSessionOf(connection)?.mode,
    inTransaction: open !== undefined || inTransaction(connection),
    failedBefore: failure ? tellFailure(failure) : open ? undefined : lastRefused.get(connection),
  })
  if (isReader && !open && error.code !== '25P02' && inTransaction(connection)) {
    lastRefused.set(
      connection,
      `This statement failed in it:\n    ${shortenSql(sql)}\n    ${error.code} ${error.message}`,
    )
  }
  return told
}
