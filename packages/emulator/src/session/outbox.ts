import type { Socket } from 'node:net'

const coalesced = 16 * 1024

/** What the client is sent: gathered until it is worth a write, and never faster than the client reads. */
export class Outbox {
  #socket: Socket
  #pieces: Buffer[] = []
  #size = 0
  #full = false
  #onDrain: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    const drained = () => {
      this.#full = false
      this.#onDrain?.()
      this.#onDrain = undefined
    }
    // Nobody reads from a closed socket, so nobody may wait for it either.
    socket.on('drain', drained).on('close', drained)
  }

  push(bytes: Buffer): void {
    this.#pieces.push(bytes)
    this.#size += bytes.length
  }

  /** @returns whether the client keeps up; if not, `drained` is called once it does. */
  flush(drained?: () => void): boolean {
    if (this.#pieces.length > 0) {
      const pieces = this.#pieces
      if (pieces.length === 1) this.#write(pieces[0]!)
      else if (this.#size <= coalesced) this.#write(Buffer.concat(pieces, this.#size))
      else {
        this.#socket.cork()
        for (const piece of pieces) this.#write(piece)
        this.#socket.uncork()
      }
      this.#pieces = []
      this.#size = 0
    }
    if (this.#full && drained) this.#onDrain = drained
    return !this.#full
  }

  #write(bytes: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    if (!this.#socket.write(bytes)) this.#full = true
  }
}
