import { CrossingsExceededError } from '../errors/errors.ts'
import { shortenSql } from '../transaction/failure.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import type { Overrun } from './crossing-count.ts'
import type { CrossingTally } from './crossing-tally.ts'

const FEWER =
  'Write many rows with one statement: insert([...]), onConflict().merge(), update … from (values …), delete … where id in (…); let the database ' +
  'add up instead of reading for update and writing back; or '

const OR_LESS = { transaction: 'divide the transaction.', request: 'do less in one request.' }

const MOST_TOLD = 10

/** For a statement with which a transaction, or a request, would cross more often than it may. */
export function crossingsExceeded(
  sql: string,
  { tally, more }: Overrun,
  root: RootTransaction | undefined,
): CrossingsExceededError {
  const { total, owed, of } = tally
  const max = tally.budget.max!
  const count = total + owed + more
  const withIt = root || owed > 0 ? 'with it, and COMMIT' : 'with it'
  const open = of === 'request' && owed > 0 ? ' of what is open' : ''
  const message = [
    `The statement\n    ${shortenSql(sql)}\nwas not sent: ${withIt}${open}, ${nameOf(tally, root)} would cross to the writer ` +
      `${count} ${count === 1 ? 'time' : 'times'}, and ${whose(tally, 'max')} allows ${max}.`,
    ...tellCrossed(tally),
  ].join('\n')
  return new CrossingsExceededError(message, { budget: of, crossings: total, max, statement: sql })
}

/** For a transaction, or a request, that crosses more often than it should. */
export function manyCrossings(tally: CrossingTally, root: RootTransaction | undefined): string {
  const { warn } = tally.budget
  return [
    `${nameOf(tally, root)} crosses to the writer more than ${warn} times, COMMIT included (${whose(tally, 'warn')}).`,
    ...tellCrossed(tally),
  ].join('\n')
}

function nameOf({ of }: CrossingTally, root: RootTransaction | undefined): string {
  if (of === 'transaction') return `the ${root}`
  return root ? `the request that the ${root} is a part of` : 'the request'
}

function whose({ of, budget }: CrossingTally, limit: 'warn' | 'max'): string {
  const said = `{ crossings: { ${limit}: ${budget[limit]} } }`
  return of === 'request' ? `${said} of its requestScope()` : said
}

function tellCrossed({ texts, of }: CrossingTally): string[] {
  const advice = FEWER + OR_LESS[of]
  if (texts.size === 0) return [advice]
  const most = [...texts].toSorted(([, one], [, other]) => other - one).slice(0, MOST_TOLD)
  const lines = most.map(([text, count]) => `    ${count} × ${shortenSql(text)}`)
  if (texts.size > most.length) lines.push(`    and ${texts.size - most.length} others`)
  return ['What has crossed so far:', ...lines, advice]
}
