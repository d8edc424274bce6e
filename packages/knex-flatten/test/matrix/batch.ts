import type { Knex } from 'knex'
import type { Block, Step } from './program.ts'
import { row } from './statements.ts'

/** The rows of a `batchInsert()` that does what the block says, one in each chunk. */
export function batchOf(on: Knex, { steps }: Block): { id: Knex.Raw }[] {
  return steps.map((step) => row(on, rowOf(step)))
}

function rowOf(step: Step): number | 'divide' {
  if (step.do === 'insert') return step.id
  if (step.do === 'fail' && step.how === 'unique') return 0
  if (step.do === 'fail' && step.how === 'sql') return 'divide'
  throw new Error(`batchInsert() cannot do this: ${JSON.stringify(step)}`)
}
