import { table } from '@knex-flatten/example-basic/terminal'
import type { Answered } from './requests.ts'
import type { Seen } from './round.ts'

/** Where each request ran, what it cost, and what it answered. */
export function showRound(seen: readonly Seen[]): void {
  table(
    ['request', 'Region', 'ran on', 'crossings', 'ms', 'answer'],
    seen.map(({ asked, region, ranOn, crossings, ms, good, body }) => [
      ...[asked.what, region, ranOn, crossings, ms],
      good ? asked.tell(body as never) : '',
    ]),
  )
}

/** The same of many, by what became of them: those that ran where they always do, and the others. */
export function showOutcomes(answers: readonly Answered[]): void {
  const counts = new Map<string, { readonly cells: readonly string[]; count: number }>()
  for (const { asked, region, ranOn } of answers) {
    const cells = [asked.what, region, ranOn]
    const known = counts.get(cells.join())
    if (known) known.count++
    else counts.set(cells.join(), { cells, count: 1 })
  }
  const rows = [...counts.values()].sort((one, other) => (one.cells.join() < other.cells.join() ? -1 : 1))
  table(
    ['request', 'Region', 'ran on', 'times'],
    rows.map(({ cells, count }) => [...cells, count]),
  )
}
