import type { Conversation } from './conversation.ts'
import { forwards } from './demand.ts'
import type { Step } from './extended-steps.ts'

export function isEnd({ statement }: Step): boolean {
  return statement?.plan.marks.some(({ type }) => type === 'end') === true
}

/** What crosses of a unit's first transaction: the statements that are forwarded, and the end of one that was. */
export function crossingTexts(conversation: Conversation, steps: readonly Step[]): string[] {
  return firstTransaction(steps).flatMap((step) => {
    const { statement } = step
    if (!statement) return []
    return isEnd(step) || forwards(conversation, statement.plan) ? [statement.sql] : []
  })
}

/** Nothing else has been counted of what stands behind the end of a transaction in the same unit: it crosses along with that. */
export function crossAlong(conversation: Conversation, behind: readonly Step[]): void {
  const { endpoint, servers } = conversation
  const written = firstTransaction(behind).some(
    ({ statement }) => statement && forwards(conversation, statement.plan),
  )
  if (!written) return
  conversation.crossing = endpoint.crossings.open(servers.database)
  endpoint.crossings.note(conversation.crossing, crossingTexts(conversation, behind))
}

function firstTransaction(steps: readonly Step[]): Step[] {
  const executed = steps.filter(({ kind }) => kind === 'execute')
  const end = executed.findIndex(isEnd)
  return end < 0 ? executed : executed.slice(0, end + 1)
}
