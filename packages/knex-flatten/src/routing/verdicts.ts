import { NoWriterError, ReadOnlyUpgradeError } from '../errors/errors.ts'
import { shortenSql } from '../transaction/failure.ts'
import type { RouteReason } from './choice.ts'

const because: Partial<Record<RouteReason, string>> = {
  schema: 'migrations, seeds and schema building do',
  unsupported: 'a reader would refuse it',
  writes: "it writes, and writes: 'writer' sends that to the writer",
  'writer-only': 'it is SERIALIZABLE, or has savepoints',
  hint: 'onWriter() says so',
  block: 'it is inside withWriter()',
  asked: "{ target: 'writer' } says so",
}

/** For what needs the writer where there is none. */
export function noWriter(reason: RouteReason, what: string): NoWriterError {
  return new NoWriterError(
    `${what} needs the writer (${because[reason] ?? reason}), and this instance has none. Give route() a writer: route({ reader, writer }); or ` +
      'run it where there is one.',
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
