import { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import { injectMessages } from '../backend/inject.ts'
import { hiddenSync, type Reply, type ReplySink } from '../backend/reply.ts'
import type { LostAnswer } from '../faults/commit-trap.ts'
import { terminateMessage } from '../wire/build.ts'
import type { Conversation } from './conversation.ts'
import type { Ending } from './lost-primary.ts'

/** What was ordered for the next commit that crosses, if this is one. */
export function trapFor({ endpoint }: Conversation, server: Backend, ending: Ending): LostAnswer | undefined {
  return server.role === 'primary' && ending === 'commit' && !server.lost
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
    if (bytes) await server.run(bytes, answer.holding(replies), answer)
    else for (const error of await conversation.sync()) answer.fail(hiddenSync, error)
    if (answer.failed) {
      endpoint.commitTrap.arm(lost)
      return
    }
  }
  const why = new Error(applied ? 'its answer was lost' : 'the network broke')
  if (applied) server.end()
  else await dismissed(server)
  servers.takeLoss()
  throw new BackendLost('primary', server.address, undefined, why, severs === 'client')
}

/**
 * Says goodbye; resolves when the server has ended the session, and rolled back what was open. As with any message, a client
 * that cancels during a cut does not wait for it.
 */
async function dismissed(server: Backend): Promise<void> {
  await injectMessages(server, terminateMessage, [hiddenSync]).catch((error: unknown) => {
    if (!(error instanceof BackendLost)) throw error
  })
}

/** Holds an answer back until it is known to be an error. */
class HeldAnswer implements ReplySink {
  readonly wholeRows = true
  failed = false
  #sink: ReplySink
  #held: (() => void)[] = []

  constructor(sink: ReplySink) {
    this.#sink = sink
  }

  /** What the client does not hear, its session does not learn either. */
  holding(replies: readonly Reply[]): Reply[] {
    return replies.map(({ kind, hidden, onDone, onStatement, onError }) => ({
      kind,
      hidden,
      ...(onDone && { onDone: () => this.#hold(onDone) }),
      ...(onStatement && { onStatement: () => this.#hold(onStatement) }),
      ...(onError && { onError }),
    }))
  }

  relay(bytes: Buffer): void {
    const copy = Buffer.from(bytes)
    this.#hold(() => this.#sink.relay(copy))
  }

  fail(reply: Reply, error: Buffer): void {
    this.failed = true
    for (const hear of this.#held.splice(0)) hear()
    this.#sink.fail(reply, error)
  }

  copyIn(): void {
    this.#sink.copyIn()
  }

  pause(): void {
    // Nothing is written until the answer is whole.
  }

  #hold(hear: () => void): void {
    if (this.failed) hear()
    else this.#held.push(hear)
  }
}
