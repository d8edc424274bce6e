import { startForwardingReader, type ForwardingReader } from '@knex-flatten/emulator'
import createKnex from 'knex'
import { createSchema } from './shop/schema.ts'
import { flatOnReader } from './steps/flat-on-reader.ts'
import { lint } from './steps/lint.ts'
import { plainOnReader } from './steps/plain-on-reader.ts'
import { logStatements } from './steps/server-log.ts'
import { standbyCaughtUp } from './steps/rows.ts'
import type { StepResult } from './steps/step.ts'
import { swallowedFailure } from './steps/swallowed-failure.ts'
import { bad, good, Progress, say, table, title } from './terminal/narrator.ts'

const LATENCY_MS = 80

title('A shop written with nested Knex transactions meets a reader that forwards writes')
const reader = await start()
const results: StepResult[] = []
try {
  for (const step of [plainOnReader, flatOnReader, swallowedFailure, lint]) results.push(await step(reader))
} finally {
  await reader.stop()
}

title('In short')
table(
  ['', 'claim', 'seen'],
  results.map(({ claim, seen, holds }) => [holds ? '✓' : '✗', claim, seen]),
)
if (results.every(({ holds }) => holds)) {
  good('Every step did what it claims.')
} else {
  bad('Not every step did what it claims.')
  process.exitCode = 1
}

async function start(): Promise<ForwardingReader> {
  say(`Starting a primary, a standby and a reader ${LATENCY_MS} ms away from the primary.`)
  const progress = new Progress()
  const started = await startForwardingReader({
    latencyMs: LATENCY_MS,
    onProgress: (step) => {
      progress.step(step)
    },
  })
  progress.step("Creating the shop's tables on the primary")
  await Promise.all([started.primaryUrl, started.standbyUrl].map(logStatements))
  const primary = createKnex({ client: 'pg', connection: started.primaryUrl })
  await createSchema(primary)
  await primary.destroy()
  await standbyCaughtUp(started.primaryUrl, started.standbyUrl)
  progress.done('Ready')
  table(
    ['endpoint', 'url'],
    [
      ['reader', started.readerUrl],
      ['primary', started.primaryUrl],
      ['standby', started.standbyUrl],
    ],
  )
  return started
}
