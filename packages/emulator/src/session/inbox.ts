import type { Socket } from 'node:net'
import { syncMessage } from '../wire/build.ts'
import { FrontendFramer, ProtocolViolation, type Message } from '../wire/frontend-framer.ts'
import { frontend } from '../wire/message-types.ts'

/** What a session answers as one: a simple query, a function call, or extended messages up to Sync or Flush. */
export type Unit =
  | { readonly kind: 'query'; readonly message: Buffer }
  | { readonly kind: 'call'; readonly message: Buffer }
  /** COPY data that nobody asked for yet. */
  | { readonly kind: 'copy'; readonly message: Message }
  | { readonly kind: 'extended'; readonly messages: readonly Message[]; readonly synced: boolean }
  | { readonly kind: 'violation'; readonly error: unknown }
  | { readonly kind: 'end' }

/** Beyond this much that is waiting, the client is not read further. */
const waitingLimit = 256 * 1024
/** A batch without Sync is not held beyond this: what is there runs, as if a Flush stood here. */
const batchLimit = 256 * 1024
/** What keeping a message takes besides its bytes, about. */
const overhead = 200

/** Gathers a client's messages into units, and holds those that wait for their turn. */
export class Inbox {
  #socket: Socket
  #framer = new FrontendFramer()
  #units: Unit[] = []
  #batch: Message[] = []
  #batchSize = 0
  #waiting = 0
  #paused = false
  #closed = false
  #wake: ((unit: Unit) => void) | undefined
  #shortcut: (unit: Unit) => boolean = () => false
  #awaitsShortcut = false
  #copy: ((message: Message) => boolean) | undefined
  #copyGone: (() => void) | undefined
  #onClosed: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('end', () => this.#close())
    socket.on('close', () => this.#close())
  }

  /** The next unit, as soon as it is whole. */
  next(): Promise<Unit> {
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#hand()
    })
  }

  /** While somebody waits for the next unit, `take` may have it first; what it takes is over when it calls {@link proceed}, later. */
  offerShortcut(take: (unit: Unit) => boolean): void {
    this.#shortcut = take
  }

  proceed(): void {
    this.#awaitsShortcut = false
    this.#hand()
  }

  /** Gives the next unit to who waits for one. */
  #hand(): void {
    const unit = this.#units[0]
    const wake = this.#wake
    if (!unit || !wake || this.#awaitsShortcut) return
    this.#awaitsShortcut = this.#shortcut(unit)
    this.#units.shift()
    this.#waiting -= sizeOf(unit)
    if (this.#paused && this.#waiting < waitingLimit / 2) this.resume()
    if (this.#awaitsShortcut) return
    this.#wake = undefined
    wake(unit)
  }

  /**
   * From now on the client's messages go to `take`, until that returns false: COPY data.
   *
   * @param gone is called if no more will come.
   */
  divert(take: (message: Message) => boolean, gone: () => void): void {
    this.#copy = take
    this.#copyGone = gone
    for (let more = true; more;) {
      const unit = this.#units[0]
      const sync = unit?.kind === 'extended' && unit.synced && unit.messages.length === 0
      if (unit?.kind !== 'copy' && !sync) break
      this.#units.shift()
      this.#waiting -= sizeOf(unit)
      more = take(unit.kind === 'copy' ? unit.message : { type: frontend.sync, bytes: syncMessage })
      if (!more) this.endDiversion()
    }
    if (this.#closed) this.#abandonCopy()
  }

  /** Tells when the client has closed its side, at once if it has; it may do so and still read. */
  onceClosed(tell: (() => void) | undefined): void {
    this.#onClosed = tell
    if (this.#closed) tell?.()
  }

  endDiversion(): void {
    this.#copy = undefined
    this.#copyGone = undefined
  }

  #abandonCopy(): void {
    const gone = this.#copyGone
    this.endDiversion()
    gone?.()
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    this.#socket.resume()
  }

  /** Begins with the bytes that came with the startup packet. */
  start(chunk: Buffer): void {
    this.#read(chunk)
    // A client that left while its session was made has been heard by nobody.
    if (this.#socket.readableEnded) this.#close()
  }

  #read(chunk: Buffer): void {
    if (this.#closed) return
    try {
      this.#framer.push(chunk, (message) => this.#deliver(message))
    } catch (error) {
      this.#closed = true
      this.#add({ kind: 'violation', error })
      this.#abandonCopy()
    }
    if (!this.#paused && this.#waiting > waitingLimit) this.pause()
  }

  #deliver(message: Message): void {
    if (this.#closed) return
    if (this.#copy) {
      if (!this.#copy(message)) this.endDiversion()
      return
    }
    switch (message.type) {
      case frontend.query:
        this.#endBatch(false)
        this.#add({ kind: 'query', message: message.bytes })
        break
      case frontend.functionCall:
        this.#endBatch(false)
        this.#add({ kind: 'call', message: message.bytes })
        break
      case frontend.sync:
        this.#endBatch(true)
        break
      case frontend.flush:
        this.#endBatch(false)
        break
      case frontend.terminate:
        this.#close()
        break
      case frontend.copyData:
      case frontend.copyDone:
      case frontend.copyFail:
        this.#add({ kind: 'copy', message })
        break
      case frontend.password:
        throw new ProtocolViolation('a password message came although nobody asked for one')
      default:
        this.#batch.push(message)
        this.#batchSize += message.bytes.length
        if (this.#batchSize > batchLimit) this.#endBatch(false)
    }
  }

  #endBatch(synced: boolean): void {
    if (this.#batch.length === 0 && !synced) return
    const messages = this.#batch
    this.#batch = []
    this.#batchSize = 0
    this.#add({ kind: 'extended', messages, synced })
  }

  #add(unit: Unit): void {
    this.#units.push(unit)
    this.#waiting += sizeOf(unit)
    this.#hand()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#add({ kind: 'end' })
    this.#abandonCopy()
    this.#onClosed?.()
  }
}

/** What it takes of memory, so that a flood of messages without content counts as well. */
function sizeOf(unit: Unit): number {
  switch (unit.kind) {
    case 'query':
    case 'call':
      return unit.message.length + overhead
    case 'copy':
      return unit.message.bytes.length + overhead
    case 'extended':
      return unit.messages.reduce((sum, { bytes }) => sum + bytes.length + overhead, overhead)
    case 'violation':
    case 'end':
      return 0
  }
}
