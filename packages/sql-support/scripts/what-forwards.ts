/**
 * Writes docs/what-forwards.md from the support table: `npm run docs` in packages/sql-support. A test compares the two.
 */
import { realpathSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ruleIds, supportTable } from '../src/index.ts'
import type { AwsProfile, RuleVerdict } from '../src/index.ts'

/** Where the page belongs. */
export const PAGE: URL = new URL('../../../docs/what-forwards.md', import.meta.url)

const INTRODUCTION = `<!-- Generated from packages/sql-support/src/table by packages/sql-support/scripts/what-forwards.ts; change the table. -->

# What forwards

What becomes of a statement on a reader of Aurora PostgreSQL with write forwarding on. The guard, the linter, the
emulator and this page read the same table.

A read runs on the reader. INSERT, UPDATE and DELETE go to the writer. What touches one of the rules below is treated
as the rule says; of several rules the most severe counts.

- **local**: the reader runs it.
- **forward**: it goes to the writer, at the price of a round trip.
- **refuse**: it fails.

Behind each verdict stands how it is known:

- _documented_: AWS or PostgreSQL says so.
- _measured_: seen on a cluster, in a profile of one's own.
- _assumed_: AWS does not list it; a hot standby's own behaviour suggests it.
- _unknown_: nobody has published it; the verdict is a default that a profile can change.

The last column is what an ordinary hot standby without forwarding does, as measured on PostgreSQL 15, 16 and 18:
what it runs and forwarding refuses is what surprises an application that moves to a forwarding reader.
`

const profiles: readonly AwsProfile[] = ['aws-local', 'aws-global']

const verdict = ({ verdict, known }: RuleVerdict) => `${verdict} _(${known})_`

function overview(): string {
  const head = ['Rule', 'What', 'Local forwarding', 'Global forwarding', 'Plain standby']
  const rows = ruleIds.map((id) => {
    const { title, verdicts, standby } = supportTable[id]
    return [`[\`${id}\`](#${id})`, title, ...profiles.map((name) => verdict(verdicts[name])), standby]
  })
  return table([head, ...rows])
}

/** Columns padded to one width, as the formatter wants them. */
function table([head, ...rows]: string[][]): string {
  const widths = head!.map((_, column) => Math.max(...[head!, ...rows].map((row) => row[column]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function section(id: (typeof ruleIds)[number]): string {
  const { title, why, instead, sqlstate, source } = supportTable[id]
  return [
    `## ${id}`,
    `**${title}**`,
    why,
    `Instead: ${instead}`,
    `SQLSTATE where it is not run: \`${sqlstate}\`. Source: <${source}>`,
  ].join('\n\n')
}

/** The whole page. */
export function whatForwards(): string {
  return `${[INTRODUCTION.trim(), overview(), ...ruleIds.map(section)].join('\n\n')}\n`
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, whatForwards())
}
