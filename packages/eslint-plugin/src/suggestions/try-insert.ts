import type { TSESLint, TSESTree } from '@typescript-eslint/utils'
import type { LintedFile } from '../linted-file.ts'
import { caughtInsertOf, type CaughtInsert } from './caught-insert.ts'
import { endLike, fixOf, type Edit } from './edits.ts'
import { imported } from './imported.ts'

/** An insert whose conflict is caught as a call of `tryInsert`, and what the handler does about a conflict behind it. */
export function useTryInsert(
  file: LintedFile,
  tried: TSESTree.TryStatement,
): TSESLint.ReportFixFunction | undefined {
  const { source } = file
  const caught = caughtInsertOf(file, tried)
  const tryInsert = caught && imported(source, 'tryInsert', tried)
  if (tryInsert === undefined) return undefined
  const { on, table } = caught!.query
  const opening = `await ${tryInsert.name}(${source.getText(on)}, ${table.raw}, `
  return fixOf(source, [...tryInsert.edits, ...editsOf(source, tried, caught!, opening)])
}

function editsOf(
  source: LintedFile['source'],
  { range: [start, end] }: TSESTree.TryStatement,
  { statement, row: { range: row }, answer }: CaughtInsert,
  opening: string,
): Edit[] {
  const first = 'rest' in answer ? answer.rest[0] : answer.block
  if (first === undefined) {
    return [
      { range: [start, row[0]], text: opening },
      { range: [row[1], end], text: `)${endLike(source, statement, end)}` },
    ]
  }
  const test = ')).conflicts.length > 0)'
  const ask: Edit = { range: [start, row[0]], text: `if ((${opening}` }
  return 'block' in answer
    ? [ask, { range: [row[1], first.range[0]], text: `${test} ` }, { range: [first.range[1], end], text: '' }]
    : [ask, { range: [row[1], answer.question.range[1]], text: `${test} {` }]
}
