/**
 * Writes docs/emulator/assumptions.md from the support table and the switches: `npm run docs` in packages/emulator. A test
 * compares the two.
 */
import { realpathSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AwsProfile } from '@knex-flatten/sql-support'
import { listAssumptions, type Assumption } from '../src/assumptions/assumptions.ts'

/** Where the page belongs. */
export const PAGE: URL = new URL('../../../docs/emulator/assumptions.md', import.meta.url)

const INTRODUCTION = `<!-- Generated from packages/emulator/src/assumptions and packages/sql-support/src/table by packages/emulator/scripts/assumptions-page.ts; change those. -->

# Assumptions

Nothing here was measured on a cluster of AWS's. Where its documentation is silent the emulator assumes something, by name, and
lets you assume something else:

\`\`\`
npx forwarding-reader --assume on-conflict=refuse --assume savepoint-refusal=after-forwarding
npx forwarding-reader --assumptions --profile aws-global
\`\`\`

\`\`\`ts
const reader = await startForwardingReader({ assumptions: { 'on-conflict': 'refuse' } })
\`\`\`

An id or a value that does not exist is refused with those that do. \`--assumptions --json\` prints the list for programs. What AWS
does document is no assumption: only a profile of your own can say otherwise. [Conformance](conformance.md) cases find out on a
cluster of your own which assumptions hold there.

## Verdicts

Each rule of [what forwards](../what-forwards.md) that is not documented can be \`local\` (the reader runs it, or refuses it as any
standby would), \`forward\` (it goes to the writer) or \`refuse\`. The defaults:`

const profiles: readonly AwsProfile[] = ['aws-local', 'aws-global']

function verdicts(): string {
  const lists = profiles.map((profile) => listAssumptions(profile).filter(({ about }) => about === 'verdict'))
  const ids = [...new Set(lists.flat().map(({ id }) => id))]
  const cells = ids.map((id) => {
    const found = lists.map((list) => list.find((each) => each.id === id))
    return [
      `[\`${id}\`](../what-forwards.md#${id})`,
      found.find((each) => each)!.title,
      ...found.map((each) => each?.default ?? 'documented'),
      found.find((each) => each)!.values.join(', '),
    ]
  })
  return table([['Id', 'What', 'Local forwarding', 'Global forwarding', 'Values'], ...cells])
}

/** Columns padded to one width, as the formatter wants them. */
function table([head, ...rows]: string[][]): string {
  const widths = head!.map((_, column) => Math.max(...[head!, ...rows].map((row) => row[column]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function section({ id, title, values, default: usual, unknown, source }: Assumption): string {
  const choices = values.map((each) => `\`${each}\``).join(', ')
  return [
    `### ${id}`,
    `**${title}**`,
    unknown,
    `Default: \`${usual}\`. Values: ${choices}. Silent: <${source}>`,
  ].join('\n\n')
}

const FUNCTIONS = `## What is looked at to tell a user's function

The server itself is asked which functions a statement calls: by search path, overloads and argument types, nobody else can tell.
That covers calls by name, aggregates, window functions, functions in FROM, CALL, and what PREPARE and EXPLAIN ANALYZE hold, on the
server that holds the session at that moment. Not looked at: what operators, casts, column defaults, generated columns, indexes,
views, policies, triggers and CHECK constraints lead to, and the arguments of SQL's EXECUTE, which go by their names. AWS says
nothing of any of these.

A text whose names are all PostgreSQL's own is not asked about. Whether a database has functions under such names (\`lower(money)\`) is
looked up once a second at most; for that long after such a function is created, a call of it may pass. A body is read each time:
PL/pgSQL with an EXCEPTION part, in the function or in what it calls by name, falls under the rule \`plpgsql-exception\`. What
a body makes of strings (\`EXECUTE\`) cannot be seen. In an aborted transaction, and between the Flush and the Sync of a batch, nothing
can be asked: names go for what they seem.

A fastpath call (the protocol's FunctionCall, which libpq's \`PQfn\` sends) names its function by number. That of a user's function is
treated as a SELECT of it; while a portal without a name is open it is not looked at. PostgreSQL's own functions run where the
session is at that moment, large objects included.`

const NOT_EMULATED = `## What cannot be assumed otherwise

- **Which settings travel.** All that a session sets is in force on the writer too, and no page says whether Aurora does that. The
  contrary cannot be shown here: from its first write on a whole transaction runs on the primary, and its reads need its settings there.
- **Triggers with an EXCEPTION part.** One that a forwarded statement fires runs, as on any writer. What it might be refused with is
  not published, and which triggers a statement fires is known only when it runs.
- **The reader's own catalog.** Whether a forwarded statement is first parsed against it, so that a table which was just created is
  missing there (42P01), is not published. Here the writer alone parses it.

The [conformance](conformance.md) cases \`settings-travel\` and \`trigger-exception\` find out about the first two on a cluster.`

/** The whole page. */
export function assumptionsPage(): string {
  const switches = listAssumptions('aws-local').filter(({ about }) => about === 'behaviour')
  return `${[INTRODUCTION, verdicts(), '## Behaviour', ...switches.map(section), FUNCTIONS, NOT_EMULATED].join('\n\n')}\n`
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, assumptionsPage())
}
