import { frontend } from './message-types.ts'

/** One whole message of a client: its type byte and all its bytes, header included. */
export interface Message {
  readonly type: number
  readonly bytes: Buffer
}

/** The client broke the protocol; only its own session ends. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation'
}

// PostgreSQL's own limits: PQ_LARGE_MESSAGE_LIMIT and PQ_SMALL_MESSAGE_LIMIT in libpq.h.
const largeLimit = 0x3fffffff - 1
const smallLimit = 10_000

const limits = new Map<number, number>([
  [frontend.query, largeLimit],
  [frontend.parse, largeLimit],
  [frontend.bind, largeLimit],
  [frontend.functionCall, largeLimit],
  [frontend.copyData, largeLimit],
  [frontend.describe, smallLimit],
  [frontend.execute, smallLimit],
  [frontend.close, smallLimit],
  [frontend.flush, smallLimit],
  [frontend.sync, smallLimit],
  [frontend.terminate, smallLimit],
  [frontend.copyDone, smallLimit],
  [frontend.copyFail, smallLimit],
  [frontend.password, smallLimit],
])

const headerLength = 5

/**
 * Cuts a client's bytes into messages. A message that lies within one chunk is a view of it; only one that
 * spans chunks is copied, once, when it is complete. Nothing is allocated for a length that was only claimed.
 */
export class FrontendFramer {
  #parts: Buffer[] = []
  #held = 0
  #wanted = headerLength

  /** Bytes held of a message that is not complete yet. */
  get held(): number {
    return this.#held
  }

  /** @throws ProtocolViolation on an unknown type or an impossible length. */
  push(chunk: Buffer, deliver: (message: Message) => void): void {
    let rest = chunk
    if (this.#held > 0) {
      this.#hold(chunk)
      if (this.#held < this.#wanted) return
      rest = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#held)
      this.#parts = []
      this.#held = 0
    }
    let offset = 0
    while (rest.length - offset >= headerLength) {
      const type = rest[offset]!
      const length = messageLength(type, rest.readInt32BE(offset + 1))
      const end = offset + length
      if (end > rest.length) {
        this.#wanted = length
        break
      }
      deliver({ type, bytes: rest.subarray(offset, end) })
      offset = end
    }
    if (offset === rest.length) return
    if (rest.length - offset < headerLength) {
      if (!limits.has(rest[offset]!)) throw unknownType(rest[offset]!)
      this.#wanted = headerLength
    }
    this.#hold(rest.subarray(offset))
  }

  #hold(part: Buffer): void {
    this.#parts.push(part)
    this.#held += part.length
  }
}

function messageLength(type: number, claimed: number): number {
  const limit = limits.get(type)
  if (limit === undefined) throw unknownType(type)
  if (claimed < 4 || claimed > limit) {
    throw new ProtocolViolation(
      `invalid length ${claimed} of a message of type "${String.fromCharCode(type)}": 4 to ${limit} bytes are allowed`,
    )
  }
  return claimed + 1
}

function unknownType(type: number): ProtocolViolation {
  return new ProtocolViolation(`invalid frontend message type ${type}`)
}
