import type { AwsProfile, Known } from '@knex-flatten/sql-support'
import type pg from 'pg'
import type { ConformanceCase, Step } from './case.ts'
import { conformanceCases } from './cases.ts'
import { mismatches, runStep } from './run-step.ts'
import { checkEnd, connectTo, Scratch, type Ends } from './scratch.ts'

/** A step that did not come to what was expected. */
export interface Difference {
  readonly session: string
  readonly sql: string
  /** In what respects: what was expected, and what was seen. */
  readonly mismatches: readonly string[]
}

/** What a case came to. */
export interface CaseResult {
  readonly id: string
  readonly title: string
  readonly tells: string
  readonly known: Known
  readonly differences: readonly Difference[]
  /** Where the reader does knowingly what AWS does not say, as the emulator does, with the reasons. */
  readonly deviations: readonly string[]
}

export interface ReplayOptions extends Ends {
  /** What the verdicts are expected to be. Default `aws-local`. */
  readonly profile?: AwsProfile
  /** Default: all of {@link conformanceCases}. */
  readonly cases?: readonly ConformanceCase[]
  /** Hears of each case as it ends. */
  readonly onProgress?: (result: CaseResult) => void
}

/**
 * Replays cases on a reader and its writer, and tells where they do not do what is expected. Whatever a case makes stands in
 * a schema of its own, which is dropped when the case ends, however it ends.
 *
 * @throws EmulatorError `EMULATOR_REPLAY` if a server cannot be reached, or is not what its URL was given for
 */
export async function replay(options: ReplayOptions): Promise<readonly CaseResult[]> {
  const { profile = 'aws-local', cases = conformanceCases(profile), onProgress } = options
  const reader = await connectTo(options, 'reader')
  const opened = [reader]
  try {
    await checkEnd(reader, 'reader')
    const writer = await connectTo(options, 'writer')
    opened.push(writer)
    await checkEnd(writer, 'writer')
    const results: CaseResult[] = []
    for (const each of cases) {
      const result = await replayCase(each, options, new Scratch(reader, writer))
      results.push(result)
      onProgress?.(result)
    }
    return results
  } finally {
    await Promise.allSettled(opened.map((client) => client.end()))
  }
}

async function replayCase(each: ConformanceCase, ends: Ends, scratch: Scratch): Promise<CaseResult> {
  const sessions = new Map<string, pg.Client>()
  const session = async ({ session: name = 'a', on = 'reader' }: Step): Promise<pg.Client> => {
    const open = sessions.get(name)
    if (open) return open
    const client = await connectTo(ends, on)
    sessions.set(name, client)
    return client
  }
  const differences: Difference[] = []
  const deviations: string[] = []
  try {
    await scratch.make(each.setup ?? [])
    for (const step of each.steps) {
      const filled = fill(step, scratch)
      const wrong = await perform(await session(step), filled)
      if (wrong === 'as the emulator') deviations.push(step.emulator!.reason)
      else if (wrong.length > 0)
        differences.push({ session: step.session ?? 'a', sql: step.sql, mismatches: wrong })
    }
  } finally {
    // A session that holds a lock would keep the schema.
    await Promise.allSettled([...sessions.values()].map((client) => client.end()))
    await scratch.drop()
  }
  const { id, title, tells, known } = each
  return { id, title, tells, known, differences, deviations }
}

async function perform(client: pg.Client, step: Step): Promise<string[] | 'as the emulator'> {
  const seen = await runStep(client, step)
  const wrong = mismatches(step.expect, seen)
  if (wrong.length > 0 && step.emulator && mismatches(step.emulator.expect, seen).length === 0)
    return 'as the emulator'
  return wrong
}

function fill(step: Step, scratch: Scratch): Step {
  const { context } = step.expect
  return {
    ...step,
    sql: scratch.fill(step.sql),
    expect: { ...step.expect, ...(context !== undefined && { context: scratch.fill(context) }) },
  }
}
