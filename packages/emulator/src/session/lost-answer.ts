import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import type { Reply, ReplySink } from '../backend/reply.ts'
import type { LostAnswer } from '../faults/commit-trap.ts'
import type { Conversation } from './conversation.ts'
import type { Ending } from './lost-primary.ts'

/** What was ordered for the next commit that crosses, if this is one. */
export function trapFor(
  { endpoint, failed }: Conversation,
  server: Backend,
  ending: Ending,
): LostAnswer | undefined {
  return server.role === 'primary' && ending === 'commit' && !failed && !server.lost
    ? endpoint.commitTrap.spring()
    : undefined
}

/**
 * Runs messages that commit, and loses the answer, or loses them on their way. Whether the primary has committed is certain
 * when this ends. A commit that fails was none: the client is told, and the next one is waited for.
 *
 * @param bytes `undefined`: a Sync of what was sent before
 * @throws BackendLost unless the commit failed
 */
export async function loseAnswer(
  conversation: Conversation,
  server: Backend,
  bytes: Buffer | undefined,
  replies: readonly Reply[],
  lost: LostAnswer,
): Promise<void> {
  const { endpoint, servers } = conversation
  const { applied, severs } = lost
  if (applied) {
    const answer = new HeldAnswer(conversation.sink)
    if (bytes) await server.run(bytes, replies.map(forgetful), answer)
    else for (const error of await conversation.sync()) answer.fail(noReply, error)
    if (answer.failed) {
      endpoint.commitTrap.arm(lost)
      return
    }
  }
  const why = new Error(applied ? 'its answer was lost' : 'the network broke')
  if (applied) server.end()
  else await server.dismiss()
  servers.takeLoss()
  throw new BackendLost('primary', server.address, undefined, why, severs === 'client')
}

const noReply: Reply = { kind: 'sync', hidden: true }

/** The client hears nothing, so neither does its session. */
function forgetful({ kind, hidden, onError }: Reply): Reply {
  return { kind, hidden, ...(onError && { onError }) }
}

/** Holds an answer back until it is known to be an error. */
class HeldAnswer implements ReplySink {
  readonly wholeRows = true
  failed = false
  #sink: ReplySink
  #held: Buffer[] = []

  constructor(sink: ReplySink) {
    this.#sink = sink
  }

  relay(bytes: Buffer): void {
    if (this.failed) this.#sink.relay(bytes)
    else this.#held.push(Buffer.from(bytes))
  }

  fail(reply: Reply, error: Buffer): void {
    this.failed = true
    for (const bytes of this.#held.splice(0)) this.#sink.relay(bytes)
    this.#sink.fail(reply, error)
  }

  copyIn(): void {
    this.#sink.copyIn()
  }

  pause(): void {
    // Nothing is written until the answer is whole.
  }
}
