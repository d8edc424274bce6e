import { CrossingsExceededError } from '../errors/errors.ts'
import { shortenSql } from '../transaction/failure.ts'
import type { Frame } from '../transaction/frame.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import { at } from '../transaction/verdicts.ts'
import type { CrossingCount } from './crossing-count.ts'

const FEWER =
  'Write many rows with one statement: insert([...]), onConflict().merge(), update … from (values …), delete … where id in (…); let the database ' +
  'add up instead of reading for update and writing back; or divide the transaction.'

const MOST_TOLD = 10

/** For a statement with which the transaction would cross more often than it may. */
export function crossingsExceeded(
  frame: Frame,
  sql: string,
  { crossings, max }: { readonly crossings: CrossingCount; readonly max: number },
): CrossingsExceededError {
  const message = [
    `The statement\n    ${shortenSql(sql)}\nwas not sent: with it, and COMMIT, the ${frame.root} would cross to the writer ` +
      `${crossings.total + 2} times, and { crossings: { max: ${max} } } allows ${max}.`,
    ...tellCrossed(crossings),
    FEWER,
  ].join('\n')
  return at(
    frame,
    new CrossingsExceededError(message, {
      crossings: crossings.total,
      max,
      statement: sql,
    }),
  )
}

/** For a transaction that crosses more often than it should. */
export function manyCrossings(root: RootTransaction, crossings: CrossingCount, warn: number): string {
  return [
    `the ${root} crosses to the writer more than ${warn} times, COMMIT included ({ crossings: { warn: ${warn} } }).`,
    ...tellCrossed(crossings),
    FEWER,
  ].join('\n')
}

function tellCrossed({ texts }: CrossingCount): string[] {
  if (texts.size === 0) return []
  const most = [...texts].toSorted(([, one], [, other]) => other - one).slice(0, MOST_TOLD)
  const lines = most.map(([text, count]) => `    ${count} × ${shortenSql(text)}`)
  if (texts.size > most.length) lines.push(`    and ${texts.size - most.length} others`)
  return ['What has crossed so far:', ...lines]
}
