import { backend } from '../wire/message-types.ts'
import type { Reply, ReplyKind } from './reply.ts'

const { parseComplete, bindComplete, closeComplete, commandComplete, emptyQuery } = backend
const { portalSuspended, rowDescription, noData } = backend

/** Which answer ends which kind of message; a query and a Sync end with ReadyForQuery alone. */
function ends(kind: ReplyKind, type: number): boolean {
  switch (kind) {
    case 'parse':
      return type === parseComplete
    case 'bind':
      return type === bindComplete
    case 'close':
      return type === closeComplete
    case 'describe':
      return type === rowDescription || type === noData
    case 'execute':
      return type === commandComplete || type === emptyQuery || type === portalSuspended
    case 'query':
    case 'sync':
      return false
  }
}

/** The answers that one server still owes, in order. */
export class ReplyQueue {
  #replies: Reply[] = []
  #at = 0

  get empty(): boolean {
    return this.#at === this.#replies.length
  }

  get head(): Reply | undefined {
    return this.#replies[this.#at]
  }

  expect(replies: readonly Reply[]): void {
    if (this.empty) {
      this.#replies = replies.slice()
      this.#at = 0
    } else this.#replies.push(...replies)
  }

  /** One good message came; @returns whether it is the client's to see. */
  answer(type: number): boolean {
    const head = this.head
    if (!head) return true
    if (ends(head.kind, type)) {
      this.#at++
      head.onDone?.()
    }
    if (head.onStatement && type === commandComplete) head.onStatement()
    return !head.hidden
  }

  /** The server skips everything after an error up to the next Sync; a simple query goes on to its ReadyForQuery. */
  skipToSync(): void {
    while (this.head && this.head.kind !== 'sync' && this.head.kind !== 'query') this.#at++
  }

  ready(): void {
    const head = this.head
    if (head?.kind !== 'query' && head?.kind !== 'sync') return
    this.#at++
  }
}
