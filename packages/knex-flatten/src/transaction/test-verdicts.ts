import { TestTransactionError, TransactionOptionsError } from '../errors/errors.ts'
import type { CallSite } from './call-site.ts'
import { shortenSql, tellError } from './failure.ts'
import type { Frame } from './frame.ts'
import { at } from './verdicts.ts'

const ONE_CONNECTION = 'that takes a second connection, and a test transaction has one.'

const OUTSIDE = 'Test this outside of a test transaction, on rows that are committed'

/** What messages call a test transaction. */
export function tellTest(site: CallSite): string {
  const place = site.toString()
  return `test transaction${place ? ` (opened at ${place})` : ''}`
}

/** For a root asked for inside a root, to stand beside it. */
export function rootBesideRoot(
  { name, propagation }: { readonly name: string | undefined; readonly propagation: string | undefined },
  holder: Frame,
  site: CallSite,
): TestTransactionError {
  const what = ['The transaction', name && `"${name}"`, propagation && `({ propagation: '${propagation}' })`]
  const message =
    `${what.filter(Boolean).join(' ')} was asked for inside the ${holder}, to stand beside it: ${ONE_CONNECTION} ` +
    `${OUTSIDE}; or open it on the transaction's own handle, if it is to be a part of it.`
  return at({ site }, new TestTransactionError(message))
}

/** For a query on the instance inside one of its roots, to run beside it. */
export function queryBesideRoot(holder: Frame, sql: string | undefined): TestTransactionError {
  const what = sql === undefined ? 'A query' : `The statement\n    ${shortenSql(sql)}\n`
  const message =
    `${what} on the Knex instance was made inside the ${holder}, to run beside it: ${ONE_CONNECTION} ` +
    `Use the transaction's own handle. ${OUTSIDE}, if it is meant so.`
  return new TestTransactionError(message)
}

/** For a root that asks for a stronger isolation level than the test transaction has. */
export function testLevelTooWeak(
  level: string,
  { isolationLevel, site: opened }: { readonly isolationLevel: string | undefined; readonly site: CallSite },
  site: CallSite,
): TestTransactionError {
  const message =
    `transaction(): ${level} was asked for inside the ${tellTest(opened)}, which runs at ` +
    `${isolationLevel ?? "the server's default level"}, and PostgreSQL changes no running transaction's. ` +
    `Open that one with { isolationLevel: '${level}' }.`
  return at({ site }, new TestTransactionError(message))
}

/** For BEGIN, COMMIT, ROLLBACK and their kin as SQL of the application's. */
export function controlRefused(sql: string, test: CallSite): TestTransactionError {
  return new TestTransactionError(
    `The statement\n    ${shortenSql(sql)}\nwas not sent: it would end the ${tellTest(test)}, and store what is to be rolled back. ` +
      'Begin and end transactions by db.transaction().',
  )
}

/** For whoever waited for the one connection while nothing happened on it. */
export function waitedInVain(holder: string, stuckAfterMs: number, test: CallSite): TestTransactionError {
  return new TestTransactionError(
    `The one connection of the ${tellTest(test)} is held by ${holder}, and nothing has happened on it for ${stuckAfterMs} ms. ` +
      'Await or end that first: nothing can run beside it in a test transaction. If it only takes its time, raise { stuckAfterMs }.',
  )
}

/** For what was left running by a test. */
export function leftRunning(left: string, test: CallSite): TestTransactionError {
  return new TestTransactionError(
    `When the ${tellTest(test)} was to be rolled back, ${left} was still running: it was cut off, and its connection closed. ` +
      'Await everything the test starts, and end every transaction.',
  )
}

/** For a test transaction that somebody else has ended. */
export function endedInside(test: CallSite, error: unknown): TestTransactionError {
  return new TestTransactionError(
    `The ${tellTest(test)} was ended inside, by a COMMIT or a ROLLBACK sent past Knex: what ran in it may be stored.`,
    { cause: error },
  )
}

/** For what is asked of a test transaction whose connection has gone. */
export function testLost(test: CallSite, error: unknown): TestTransactionError {
  return new TestTransactionError(
    `The connection of the ${tellTest(test)} was lost, and all it has written with it: ${tellError(error)}`,
    { cause: error },
  )
}

/** For what is asked of the connection of a test transaction that is over. */
export function testOver(test: CallSite): TestTransactionError {
  return new TestTransactionError(
    `The ${tellTest(test)} was rolled back before. Await everything the test starts.`,
  )
}

/** For a test transaction on a server that would refuse its savepoints. */
export function testOnReader(test: CallSite): TransactionOptionsError {
  return new TransactionOptionsError(
    `The ${tellTest(test)} was not begun: its server is in recovery, and refuses the savepoints by which a test undoes one transaction ` +
      'and goes on. Connect the instance to the writer, or to a database of your own, for such tests.',
  )
}
