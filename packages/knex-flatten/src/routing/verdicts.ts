import { NoWriterError, ReadOnlyUpgradeError, TransactionOptionsError } from '../errors/errors.ts'
import { shortenSql } from '../transaction/failure.ts'
import type { RouteReason } from './choice.ts'
import type { ServerFacts } from './server.ts'

const because: Partial<Record<RouteReason, string>> = {
  schema: 'migrations, seeds and schema building do',
  unsupported: 'a reader would refuse it',
  writes: "it writes, and writes: 'writer' sends that to the writer",
  'writer-only': 'it is SERIALIZABLE, or has savepoints',
  hint: 'onWriter() says so',
  block: 'it is inside withWriter()',
  'own-write': 'it is to show what the same request has written',
  asked: "{ target: 'writer' } says so",
}

/** For what needs the writer where there is none. */
export function noWriter(reason: RouteReason, what: string): NoWriterError {
  return new NoWriterError(
    `${what} needs the writer (${because[reason] ?? reason}), and this instance has none. Give route() a writer: route({ reader, writer }); or ` +
      'run it where there is one.',
  )
}

/** For what needs the writer while the server in its place is a reader, and no other has taken that place. */
export function writerInRecovery(host: string, what: string): NoWriterError {
  return new NoWriterError(
    `${what} needs the writer, and the server at ${host}, which { writer } of route() leads to, is in recovery: it is a reader. In a switchover ` +
      'this passes: run it again. Otherwise let { writer } lead to the writer.',
    { passing: true },
  )
}

/** For a server that may be written to beside another one. */
export function twoWriters(one: ServerFacts, other: ServerFacts): TransactionOptionsError {
  return new TransactionOptionsError(
    `route(): there are two writers, ${one.host} and ${other.host}: neither is in recovery, and they are not the same server. Nothing was sent to ` +
      `${one.host}. Let { reader } lead to a standby of { writer }; if one was promoted, take the other out of service.`,
  )
}

/** For pools that have nothing to do with each other. */
export function twoClusters(
  one: ServerFacts,
  other: ServerFacts,
  difference: 'cluster' | 'database',
): TransactionOptionsError {
  const how =
    difference === 'cluster'
      ? `their clusters have different identifiers, ${one.cluster} and ${other.cluster}`
      : `one leads to the database ${one.database}, the other to ${other.database}`
  return new TransactionOptionsError(
    `route(): ${one.host} and ${other.host} do not have the same data: ${how}. Nothing was sent to ${one.host}. Give route() the writer of one cluster ` +
      'and readers of the same, or { checkServers: false } if you know better.',
  )
}

/** For what the reader was to forward, and does not. */
export function cannotForward(what: string, hasWriter: boolean): NoWriterError {
  const advice = hasWriter
    ? "use writes: 'auto', which sends it to the writer's pool instead"
    : 'give route() a writer: route({ reader, writer })'
  return new NoWriterError(
    `${what} was to be forwarded, and this reader does not forward: apg_write_forward.consistency_mode is off, or no parameter of this server. ` +
      `Turn write forwarding on, or ${advice}.`,
  )
}

/** For a write inside `preventWrites()`. */
export function writePrevented(sql: string): ReadOnlyUpgradeError {
  return new ReadOnlyUpgradeError(
    `The statement\n    ${shortenSql(sql)}\nwas not sent: it may write, and it was asked for inside preventWrites(). Move it out of there.`,
  )
}
