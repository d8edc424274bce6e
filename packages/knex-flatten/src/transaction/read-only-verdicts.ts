import { ReadOnlyUpgradeError } from '../errors/errors.ts'
import type { CallSite } from './call-site.ts'
import { shortenSql } from './failure.ts'
import type { Frame } from './frame.ts'
import { at } from './verdicts.ts'

/** For `readOnly: false` inside what is read-only. */
export function readOnlyAround(scope: Frame, around: Frame): ReadOnlyUpgradeError {
  const readOnly = around.readOnlyBy ?? around
  const message =
    `transaction(): the ${scope} is to write, but the ${readOnly} around it is read-only. ` +
    "Drop { readOnly } there, or use { propagation: 'requires-new' }."
  return at(scope, new ReadOnlyUpgradeError(message, sitesOf(readOnly, scope.site)))
}

/** For a statement that writes in a scope that was asked to read only. */
export function writeInReadOnlyScope(frame: Frame, sql: string, asked: CallSite): ReadOnlyUpgradeError {
  const scope = frame.readOnlyBy ?? frame
  const message =
    `The statement\n    ${shortenSql(sql)}\nwas not sent: it may write, and the ${scope} is read-only.${askedAt(asked)} ` +
    'Drop { readOnly: true } there, or write outside of it.'
  return at({ site: asked }, new ReadOnlyUpgradeError(message, sitesOf(scope, asked)))
}

/** For a statement that the database has refused because its transaction is read-only. */
export function writeInReadOnlyRoot(
  root: Frame,
  sql: string,
  asked: CallSite,
  cause: Error,
): ReadOnlyUpgradeError {
  const message =
    `The statement\n    ${shortenSql(sql)}\nwas refused (${cause.message}): the ${root} around it is read-only, and cannot become anything ` +
    `else.${askedAt(asked)} Drop { readOnly: true } there, or write in a transaction of its own: ` +
    "trx.transaction(…, { propagation: 'requires-new' })."
  return at({ site: asked }, new ReadOnlyUpgradeError(message, { cause, ...sitesOf(root, asked) }))
}

function askedAt(asked: CallSite): string {
  const site = asked.toString()
  return site === undefined ? '' : ` The write was asked for at ${site}.`
}

function sitesOf(readOnly: Frame, asked: CallSite): Pick<ReadOnlyUpgradeError, 'openedAt' | 'askedAt'> {
  return { openedAt: readOnly.site.toString(), askedAt: asked.toString() }
}
