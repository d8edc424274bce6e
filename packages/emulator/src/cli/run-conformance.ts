import { replay, type CaseResult } from '../conformance/replay.ts'
import { EmulatorError } from '../emulator-error.ts'
import type { ConformanceCommand } from './conformance-arguments.ts'
import { Progress } from './progress.ts'

/** @returns the exit code: 0 without differences, 1 with differences, 2 where it could not be replayed. */
export async function runConformance(
  command: Extract<ConformanceCommand, { run: 'conformance' }>,
): Promise<number> {
  const progress = new Progress(process.stderr)
  let done = 0
  const onProgress = ({ id }: CaseResult) => progress.step(`${++done}/${command.cases.length} ${id}`)
  try {
    const results = await replay({ ...command, onProgress }).finally(() => progress.done())
    process.stdout.write(command.json ? `${JSON.stringify(results)}\n` : showResults(results))
    return results.some(({ differences }) => differences.length > 0) ? 1 : 0
  } catch (error) {
    const cause = error as Error
    // A server's own refusal of a set-up statement is as good a reason as any of ours.
    process.stderr.write(
      `forwarding-reader: ${cause instanceof EmulatorError ? '' : 'the replay broke off: '}${cause.message}\n`,
    )
    return 2
  }
}

/** What differs, for a person. */
function showResults(results: readonly CaseResult[]): string {
  const differing = results.filter(({ differences }) => differences.length > 0)
  const deviating = results.filter(({ deviations }) => deviations.length > 0)
  const blocks = differing.map(({ id, title, tells, known, differences }) =>
    [
      `✗ ${id}: ${title}`,
      `  tells of ${tells}, which is ${known}`,
      ...differences.flatMap(({ session, sql, mismatches }) => [
        `  session "${session}": ${oneLine(sql)}`,
        ...mismatches.map((each) => `    ${each}`),
      ]),
    ].join('\n'),
  )
  const notes = deviating.map(
    ({ id, title, deviations }) => `~ ${id}: ${title}\n  not so here: ${deviations.join('; ')}`,
  )
  const cases = results.length === 1 ? '1 case' : `${results.length} cases`
  const count = `${cases}: ${results.length - differing.length} as expected, ${differing.length} with differences`
  return `${[...blocks, ...notes, count].join('\n\n')}\n`
}

const oneLine = (sql: string) => sql.replaceAll(/\s+/g, ' ')
