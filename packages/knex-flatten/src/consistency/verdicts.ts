import type { CrossingBudget } from '../crossings/crossing-tally.ts'
import { ReaderBehindError, TransactionOptionsError } from '../errors/errors.ts'
import type { TokenFault } from './token.ts'

/** For what a reader does not show in time, where there is no writer to ask instead. */
export function readerBehind(what: string, timeoutMs: number): ReaderBehindError {
  return new ReaderBehindError(
    `${what} was to wait until the reader shows what was written before, and ${timeoutMs} ms were not enough. Give it more time ({ timeoutMs }), ` +
      'or give route() a writer, where reads go instead: route({ reader, writer }).',
  )
}

/** For a reader that cannot say whether it shows something. */
export function cannotTell(what: string): ReaderBehindError {
  return new ReaderBehindError(
    `${what} was to wait until the reader shows what was written before, and nobody can tell whether it does: the reader does not forward writes, so ` +
      'it has no global mode, and there is no position of the writer’s log to wait for. Give route() the writer too: route({ reader, writer }).',
  )
}

/** For a token that stands for nothing, where it is all that was asked about. */
export function notAToken(fault: TokenFault): TransactionOptionsError {
  return new TransactionOptionsError(
    `waitForReader(db, token): the token is ${fault}. Pass what causalityToken(db) returned, and the same { secret }.`,
  )
}

/** For a request scope inside another one with another policy. */
export function otherPolicy(asked: string, given: string): TransactionOptionsError {
  return new TransactionOptionsError(
    `requestScope(db, fn): { policy: '${asked}' } was asked for inside a scope that has '${given}'. Ask for it where the request begins.`,
  )
}

/** For a request scope inside another one with a budget of its own. */
export function otherBudget(asked: CrossingBudget, given: CrossingBudget = {}): TransactionOptionsError {
  return new TransactionOptionsError(
    `requestScope(db, fn): { crossings: ${tellBudget(asked)} } was asked for inside a scope that has ${tellBudget(given)}. Ask for it where the ` +
      'request begins.',
  )
}

function tellBudget({ warn, max }: CrossingBudget): string {
  const limits = Object.entries({ warn, max }).filter(([, limit]) => limit !== undefined)
  return limits.length === 0 ? 'none' : `{ ${limits.map(([name, limit]) => `${name}: ${limit}`).join(', ')} }`
}

/** For `{ policy: 'writer' }` of an instance that has none. */
export function noWriterToReadFrom(): TransactionOptionsError {
  return new TransactionOptionsError(
    "requestScope(db, fn): { policy: 'writer' } needs a writer to read from. Make the instance by route({ reader, writer }), or use " +
      "'same-session' or 'global'.",
  )
}

/** For who asks what was written where nobody has taken note. */
export function outsideOfRequest(): TransactionOptionsError {
  return new TransactionOptionsError(
    'causalityToken(db): this is not inside requestScope(db, fn) of the same instance, so nobody has noted what was written. Call it inside.',
  )
}
