import { withContext } from '../wire/error-response.ts'
import type { Conversation } from './conversation.ts'
import type { Plan, Refusal } from './plan.ts'

/**
 * What the client sees of an error that a server raised: one of a forwarded statement names it in its context, as Aurora does;
 * one with which the standby refuses by itself is the standby's own, and is noted.
 */
export function errorOf(
  conversation: Conversation,
  plan: Plan | undefined,
  forwardedText: string | undefined,
): (error: Buffer) => Buffer {
  return (error) => {
    const refusal = plan?.refusals[0]
    if (refusal && !conversation.failed && conversation.forwarding) recordRefusal(conversation, refusal)
    return forwardedText === undefined ? error : withContext(error, `WriteForward command: ${forwardedText}`)
  }
}

export function recordRefusal({ endpoint, servers }: Conversation, { rule, statement }: Refusal): void {
  endpoint.refusals.add(rule, statement, servers.database)
}
