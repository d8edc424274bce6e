import type { Socket } from 'node:net'
import type { ServerAddress } from '../servers.ts'
import { terminateMessage } from '../wire/build.ts'
import { backend, status } from '../wire/message-types.ts'
import type { CancelKey } from '../wire/startup-packet.ts'
import { BackendLost } from './backend-lost.ts'
import { cancelOn } from './cancel.ts'
import { ReplyQueue } from './reply-queue.ts'
import type { Reply, ReplySink } from './reply.ts'

export type Role = 'standby' | 'primary'

/** What a server told at the start of a session. */
export interface Greeting {
  readonly key: CancelKey
  /** ParameterStatus messages, as they came. */
  readonly parameters: readonly Buffer[]
}

/** What a server says when nobody asked it. */
export interface BackendEvents {
  notice(bytes: Buffer): void
  /** The connection is gone; nothing runs on it any more. */
  lost(error: BackendLost): void
  /** We have closed it. */
  ended?(): void
}

const headerLength = 5

/** One session on a server: messages out, answers in, nothing known of what they mean. */
export class Backend {
  readonly role: Role
  readonly address: ServerAddress
  readonly greeting: Greeting
  /** Prepared statements that this server holds for the session, by name. */
  readonly known = new Map<string, object>()
  #status: number = status.idle
  #socket: Socket
  #events: BackendEvents
  #replies = new ReplyQueue()
  #run: { readonly sink: ReplySink; readonly over: (lost?: BackendLost) => void } | undefined
  /** What came of a message that is not whole yet, and how much is needed before another look is worth it. */
  #held: Buffer[] = []
  #heldLength = 0
  #wanted = 0
  /** Bytes still to come of a row that is handed over in pieces. */
  #passing = 0
  #lastWords: Buffer | undefined
  #gone: BackendLost | undefined
  #cancelling: Promise<void> | undefined
  #paused = false
  /** The network between us and the server is cut. */
  #frozen = false
  #uses = 0

  constructor(role: Role, address: ServerAddress, socket: Socket, greeting: Greeting, events: BackendEvents) {
    this.role = role
    this.address = address
    this.greeting = greeting
    this.#socket = socket
    this.#events = events
    socket.on('data', (chunk) => {
      try {
        this.#read(chunk)
      } catch (error) {
        // Whatever goes wrong over one session's bytes stays with that session.
        this.#lose(error instanceof Error ? error : new Error(String(error)))
      }
    })
    socket.on('error', (error) => this.#lose(error))
    socket.on('close', () => this.#lose())
  }

  /** The transaction status of the last ReadyForQuery. */
  get status(): number {
    return this.#status
  }

  get lost(): BackendLost | undefined {
    return this.#gone
  }

  /**
   * Sends messages and hands their answers to the sink; resolves when the last one has come.
   * @throws BackendLost when the connection dies before that.
   */
  run(bytes: Buffer, replies: readonly Reply[], sink: ReplySink): Promise<void> {
    return new Promise((resolve, reject) => {
      this.send(bytes, replies, sink, (lost) => {
        if (lost) reject(lost)
        else resolve()
      })
    })
  }

  /**
   * Asks the server to cancel what runs. Nothing more is sent to it until it has dealt with that: a cancel that comes too
   * late would otherwise end the next statement, which may be one of the emulator's own.
   */
  async cancel(): Promise<void> {
    const before = this.#cancelling
    const dealtWith = Promise.all([before, cancelOn(this.address, this.greeting.key)]).then(() => undefined)
    this.#cancelling = dealtWith
    await dealtWith
    if (this.#cancelling === dealtWith) this.#cancelling = undefined
  }

  /** As {@link run}, for who would rather be called back, at once or later; with an error if the connection is dead. */
  send(bytes: Buffer, replies: readonly Reply[], sink: ReplySink, over: (lost?: BackendLost) => void): void {
    if (this.#cancelling) {
      void this.#cancelling.then(() => this.send(bytes, replies, sink, over))
      return
    }
    if (this.#gone) {
      over(this.#gone)
      return
    }
    this.#uses++
    this.#replies.expect(replies)
    this.#run = { sink, over }
    this.#socket.write(bytes)
  }

  /** COPY data of the client; @returns false while the server is slower than the client. */
  pass(bytes: Buffer, drained: () => void): boolean {
    if (this.#socket.write(bytes)) return true
    this.#socket.once('drain', drained)
    return false
  }

  pauseReading(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#paused = false
    if (!this.#frozen) this.#socket.resume()
  }

  /** Whether it would be heard at once if the server closed the connection. */
  get listening(): boolean {
    return !this.#paused && !this.#frozen
  }

  /** How often something was sent to it. */
  get uses(): number {
    return this.#uses
  }

  /** Something runs on it. */
  get busy(): boolean {
    return this.#run !== undefined
  }

  /** Until it thaws nothing is sent and nothing is heard; the server knows nothing of it. */
  freeze(): void {
    this.#frozen = true
    this.#socket.cork()
    this.#socket.pause()
  }

  thaw(): void {
    this.#frozen = false
    this.#socket.uncork()
    if (this.#gone) this.#close()
    else if (!this.#paused) this.#socket.resume()
  }

  /** Takes it for lost, whatever the server thinks. */
  giveUp(cause: Error): void {
    this.#lose(cause)
  }

  /** Says goodbye and lets go of the socket. */
  end(): void {
    if (this.#gone) return
    this.#gone = new BackendLost(this.role, this.address, undefined, new Error('it was closed'))
    const run = this.#run
    this.#run = undefined
    run?.over(this.#gone)
    this.#close()
    this.#events.ended?.()
  }

  #close(): void {
    if (this.#frozen) return
    this.#socket.end(terminateMessage, () => this.#socket.destroy())
    this.#socket.setTimeout(1000, () => this.#socket.destroy())
  }

  #lose(cause?: Error): void {
    if (this.#gone) return
    const torn = this.#passing > 0
    this.#gone = new BackendLost(this.role, this.address, this.#lastWords, cause, torn)
    if (!this.#frozen) this.#socket.destroy()
    const run = this.#run
    this.#run = undefined
    run?.over(this.#gone)
    this.#events.lost(this.#gone)
  }

  #read(chunk: Buffer): void {
    let bytes = chunk
    if (this.#heldLength > 0) {
      this.#hold(chunk)
      if (this.#heldLength < this.#wanted) return
      bytes = Buffer.concat(this.#held, this.#heldLength)
      this.#held = []
      this.#heldLength = 0
    }
    if (this.#passing > 0) {
      const piece = bytes.subarray(0, this.#passing)
      this.#passing -= piece.length
      this.#run?.sink.relay(piece)
      bytes = bytes.subarray(piece.length)
    }
    const kept = this.#split(bytes)
    if (kept < bytes.length) this.#hold(bytes.subarray(kept))
    const run = this.#run
    if (!run) return
    if (!this.#replies.empty || this.#passing > 0) {
      run.sink.pause()
      return
    }
    this.#run = undefined
    run.over()
  }

  /** Hands over whole messages, neighbours in one piece; @returns how many bytes were taken. */
  #split(bytes: Buffer): number {
    let offset = 0
    let pieceStart = 0
    this.#wanted = headerLength
    const handOver = (end: number, next: number) => {
      const whole = pieceStart === 0 && end === bytes.length
      if (end > pieceStart) this.#run?.sink.relay(whole ? bytes : bytes.subarray(pieceStart, end))
      pieceStart = next
    }
    while (bytes.length - offset >= headerLength) {
      const type = bytes[offset]!
      const length = bytes.readInt32BE(offset + 1)
      if (length < 4) {
        this.#lose(new Error(`the server sent a message of length ${length}`))
        return bytes.length
      }
      const end = offset + 1 + length
      if (end > bytes.length) {
        if (!this.#mayPassInPieces(type)) {
          this.#wanted = end - offset
          break
        }
        this.#passing = end - bytes.length
        offset = bytes.length
        break
      }
      if (type === backend.errorResponse) handOver(offset, offset)
      if (!this.#take(type, bytes, offset, end)) handOver(offset, end)
      offset = end
    }
    handOver(offset, offset)
    return offset
  }

  #hold(part: Buffer): void {
    this.#held.push(part)
    this.#heldLength += part.length
  }

  #mayPassInPieces(type: number): boolean {
    if (type !== backend.dataRow && type !== backend.copyData && type !== backend.functionResult) return false
    return this.#run !== undefined && !this.#run.sink.wholeRows
  }

  /** @returns whether the message goes on to the sink. */
  #take(type: number, bytes: Buffer, start: number, end: number): boolean {
    switch (type) {
      case backend.readyForQuery:
        this.#status = bytes[start + 5]!
        this.#replies.ready()
        return this.#run?.sink.takesReady === true
      case backend.errorResponse:
        this.#fail(bytes.subarray(start, end))
        return false
      case backend.noticeResponse:
      case backend.parameterStatus:
      case backend.notification:
        if (this.#run) return this.#replies.head?.hidden !== true
        this.#events.notice(Buffer.from(bytes.subarray(start, end)))
        return false
      case backend.copyIn:
      case backend.copyBoth:
        this.#run?.sink.copyIn()
        return true
      default:
        return this.#replies.answer(type)
    }
  }

  #fail(error: Buffer): void {
    const head = this.#replies.head
    if (!this.#run || !head || isFatal(error)) {
      this.#lastWords = Buffer.from(error)
      return
    }
    this.#run.sink.fail(head, error)
    this.#replies.skipToSync()
  }
}

/** FATAL and PANIC end the session; field V is never translated, S comes first. */
function isFatal(error: Buffer): boolean {
  const at = error.indexOf('\0V', 5, 'latin1')
  const severity = at < 0 ? '' : error.toString('latin1', at + 2, error.indexOf(0, at + 2))
  return severity === 'FATAL' || severity === 'PANIC'
}
