/**
 * Writes docs/transactions/migrating.md from the semantics matrix: `npm run docs` in packages/knex-flatten. A test compares the two.
 */
import { realpathSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { knexVersions } from '../../../test/setup/knex-versions.ts'
import { programOf } from '../test/matrix/cells.ts'
import type { Account, Outcome } from '../test/matrix/oracle.ts'
import { forms } from '../test/matrix/program.ts'
import { type Change, changes, compareAll, type Compared, isChanged } from './migrating/changes.ts'
import { asCode } from './migrating/example.ts'

/** Where the page belongs. */
export const PAGE: URL = new URL('../../../docs/transactions/migrating.md', import.meta.url)

const INTRODUCTION = `<!-- Generated from packages/knex-flatten/test/matrix by packages/knex-flatten/scripts/migrating.ts; change those. -->

# From Knex to knex-flatten

What an application sees change when its instance is wrapped with \`flatten()\`. The semantics matrix runs the same
programs on Knex and on a flattened instance: every way to open a transaction, up to four inside each other, alone and
two at once, with every kind of failure in every place, swallowed or not. Each comes out as this page says, alike on
Knex ${listed(knexVersions.map(([version]) => version))}.`

const ASIDE = `## Outside of the matrix

- \`await trx.commit()\` rejects where COMMIT failed. On Knex it resolves, and only \`trx.executionPromise\` tells.
- A transaction whose BEGIN fails rejects with that error, and its callback does not run. On Knex it runs.
- A transaction that ends while one inside it is open is rolled back with \`ScopeStillOpenError\`. On Knex it is
  committed, with whatever the inner one has written so far.
- \`trx.transaction()\` on an outer transaction from inside an inner one opens a scope of the inner one. On Knex it waits for ever.
- \`isolationLevel\` and \`readOnly\` on a nested transaction are heard: what the root cannot give is refused. Knex ignores them.
- A connection lost while COMMIT is on its way is \`CommitOutcomeUnknownError\`, not the driver's error.
- An unhandled rejection is reported for the same calls as on Knex, and no others.

Before an application is switched, [observe mode](observe.md) finds the places in it that would come out otherwise.`

const said: Record<Outcome, string> = {
  value: 'resolves',
  application: 'rejects with the error',
  '22012': 'rejects with `22012` division by zero',
  '23505': 'rejects with `23505` duplicate key',
  '23503': 'rejects with `23503` foreign key violation',
  '25P02': 'rejects with `25P02` current transaction is aborted',
  lost: "rejects with the driver's error",
  'rollback-only': 'rejects with `RollbackOnlyError`',
  'unexpected-rollback': 'rejects with `UnexpectedRollbackError`',
}

/** The whole page. @throws where a change of the matrix is told by no section, or by several. */
export function migrating(): string {
  const compared = compareAll()
  const changed = compared.filter(isChanged)
  for (const one of changed) {
    if (changes.filter(({ holds }) => holds(one)).length !== 1) {
      throw new Error(`One section must tell of this, and only one: ${JSON.stringify(one)}`)
    }
  }
  const sections = changes.map((change) => section(change, changed.filter(change.holds)))
  return `${[INTRODUCTION, summary(compared, changed), ...sections, wire(compared), ASIDE].join('\n\n')}\n`
}

function summary(compared: readonly Compared[], changed: readonly Compared[]): string {
  const same = compared.length - changed.length
  return `Of ${compared.length} programs ${same} come out the same: the same result, the same rows. Among them are all in which nothing
fails, and all in which a failure is swallowed nowhere and no sibling runs beside it: the error reaches whoever awaits
the transaction, unchanged, and nothing is stored. So it is where COMMIT is refused. The other ${changed.length} change in ${changes.length} ways.`
}

function section({ title, what, todo }: Change, cells: readonly Compared[]): string {
  const [example] = cells
  if (!example) throw new Error(`No cell of the matrix shows this: ${title}`)
  const { cell, stock, flat } = example
  const others = forms.filter((form) => cells.some((one) => one.cell.form === form))
  return [
    `## ${title}`,
    what,
    `\`\`\`js\n${asCode(programOf(cell))}\n\`\`\``,
    table([
      ['', 'Knex', 'flattened'],
      ['`db.transaction()`', said[stock.outcome], said[flat.outcome]],
      ...scopeRows(stock, flat),
      ['stored', ids(stock), ids(flat)],
    ]),
    `What to do: ${todo}`,
    `Seen in ${cells.length} programs: ${others.join(', ')}.`,
  ].join('\n\n')
}

function scopeRows(stock: Account, flat: Account): string[][] {
  return stock.scopes.map((outcome, at) => [
    stock.scopes.length > 1 ? `nested transaction ${at + 1}` : 'nested transaction',
    said[outcome],
    said[flat.scopes[at]!],
  ])
}

/** What is sent where nothing fails, and where COMMIT is refused. */
function wire(compared: readonly Compared[]): string {
  const find = (failure: string, depth: number): Compared =>
    compared.find(({ cell }) => cell.failure === failure && cell.depth === depth)!
  const row = (what: string, { stock, flat }: Compared): string[] => [what, sent(stock), sent(flat)]
  return [
    '## What is sent',
    'No SAVEPOINT, RELEASE or ROLLBACK TO. A refused COMMIT is followed by ROLLBACK, since a cancelled one leaves the ' +
      'transaction open. A statement of a transaction that can only be rolled back is not sent.',
    table([
      ['', 'Knex', 'flattened'],
      row('one inside another', find('none', 2)),
      row('COMMIT refused', find('deferred', 1)),
    ]),
  ].join('\n\n')
}

function sent({ sent }: Account): string {
  return sent
    .map((word) => (word === 'order' ? 'insert' : word.replace(/ \d+$/, '')))
    .map((word) => (word === 'insert' ? 'insert' : word.toUpperCase()))
    .join(', ')
}

function ids({ rows }: Account): string {
  return rows.length === 0 ? 'nothing' : rows.join(', ')
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** Columns padded to one width, as the formatter wants them. */
function table([head, ...rows]: string[][]): string {
  const widths = head!.map((_, column) => Math.max(3, ...[head!, ...rows].map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, migrating())
}
