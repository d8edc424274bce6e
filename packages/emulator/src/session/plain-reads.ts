import type { BackendLost } from '../backend/backend-lost.ts'
import type { Reply } from '../backend/reply.ts'
import { syncMessage } from '../wire/build.ts'
import { ProtocolViolation, type Message } from '../wire/frontend-framer.ts'
import { bindFields, executeFields, queryText, targetFields } from '../wire/message-fields.ts'
import { frontend } from '../wire/message-types.ts'
import { mayReadNow } from './await-consistency.ts'
import type { Conversation } from './conversation.ts'
import { newStatement } from './extended-steps.ts'
import type { Unit } from './inbox.ts'
import { mayCallOthers } from './judge-calls.ts'
import type { Plan } from './plan.ts'
import type { PreparedStatement } from './prepared.ts'

/** Whatever a server answers up to its ReadyForQuery. */
const everything: readonly Reply[] = [{ kind: 'query', hidden: false }]

/**
 * The short way, for what most clients send most of the time: a read outside a transaction, of a session that has nothing to
 * wait for. It goes to the standby as it came, and the answer to the client as it comes; nothing on this way is asynchronous
 * but the two sockets. Whatever is not certainly such a read is left to the long way.
 */
export class PlainReads {
  #conversation: Conversation
  #over: (lost?: BackendLost) => void

  /** @param over hears that a read is answered and the client has taken the answer, or that the standby was lost. */
  constructor(conversation: Conversation, over: (lost?: BackendLost) => void) {
    this.#conversation = conversation
    this.#over = over
  }

  /** @returns whether the unit was such a read, and is on its way now; it will be over later. */
  take(unit: Unit): boolean {
    const conversation = this.#conversation
    if (unit.kind !== 'query' && unit.kind !== 'extended') return false
    if (!conversation.atRest || !mayReadNow(conversation)) return false
    try {
      return unit.kind === 'query'
        ? this.#takeQuery(unit.message)
        : unit.synced && this.#takeExtended(unit.messages)
    } catch (error) {
      // The long way says what is wrong with it.
      if (error instanceof ProtocolViolation) return false
      throw error
    }
  }

  #takeQuery(message: Buffer): boolean {
    const { endpoint, prepared } = this.#conversation
    const plan = endpoint.planner.plan(queryText(message))
    if (!this.#isPlain(plan)) return false
    prepared.dropUnnamed(plan)
    this.#send(message, everything)
    return true
  }

  /** One statement at the most is parsed; a portal, whatever its name, ends with the unit. */
  #takeExtended(messages: readonly Message[]): boolean {
    let parsed: PreparedStatement | undefined
    for (const { type, bytes } of messages) {
      if (type === frontend.parse) {
        if (parsed) return false
        parsed = newStatement(this.#conversation, bytes)
        if (!this.#isPlain(parsed.plan) || !this.#isFree(parsed.name)) return false
      } else if (type === frontend.bind) {
        if (!this.#isReadable(bindFields(bytes).statement, parsed)) return false
      } else if (type === frontend.describe) {
        const { of, name } = targetFields(bytes)
        if (of === 'statement' && !this.#isReadable(name, parsed)) return false
      } else if (type === frontend.execute) {
        if (executeFields(bytes).maxRows !== 0) return false
      } else return false
    }
    this.#send(joined(messages), parsed ? this.#repliesTo(parsed) : everything)
    return true
  }

  /** What functions it calls must be known from their names. */
  #isPlain(plan: Plan): boolean {
    return plan.plain && !mayCallOthers(this.#conversation, plan)
  }

  #isFree(name: string): boolean {
    const { prepared, servers } = this.#conversation
    return name === '' || !(prepared.statement(name) ?? servers.standby.known.get(name))
  }

  /** The standby has a plain read under that name, which is what the session has under it. */
  #isReadable(name: string, parsed: PreparedStatement | undefined): boolean {
    if (parsed?.name === name) return true
    const { prepared, servers } = this.#conversation
    const statement = prepared.statement(name)
    if (!statement || servers.standby.known.get(name) !== statement) return false
    return this.#isPlain(statement.plan)
  }

  #repliesTo(parsed: PreparedStatement): readonly Reply[] {
    const { prepared, servers } = this.#conversation
    return [
      {
        kind: 'parse',
        hidden: false,
        onDone: () => prepared.add(parsed, servers.standby),
        onError: (error) => {
          prepared.parseFailed(parsed.name, servers.standby)
          return error
        },
      },
      ...everything,
    ]
  }

  #send(bytes: Buffer, replies: readonly Reply[]): void {
    const { servers, sink } = this.#conversation
    this.#conversation.running = servers.standby
    sink.pass(servers.standby, bytes, replies, this.#answered)
  }

  #answered = (lost?: BackendLost): void => {
    const { outbox, notices } = this.#conversation
    this.#conversation.running = undefined
    if (lost) {
      this.#over(lost)
      return
    }
    for (const notice of notices.splice(0)) outbox.push(notice)
    if (outbox.flush(this.#over)) this.#over()
  }
}

function joined(messages: readonly Message[]): Buffer {
  const parts = messages.map(({ bytes }) => bytes)
  parts.push(syncMessage)
  return Buffer.concat(parts)
}
