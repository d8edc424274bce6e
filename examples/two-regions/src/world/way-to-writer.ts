import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** The server that is the writer now, and how far it is from the Region, there and back. */
type Writer = () => { readonly url: string; readonly distanceMs: number }

/**
 * How a Region gets at the writer itself: an address that leads to whichever server is the writer when a connection is opened, as a writer
 * endpoint's name does, and takes as long as it is far.
 */
export class WayToWriter {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #roundTrips = 0

  private constructor(writer: Writer) {
    this.#server = createServer((near) => {
      const { url, distanceMs } = writer()
      const far = connect(Number(new URL(url).port), '127.0.0.1')
      let asked = false
      this.#pass(near, far, distanceMs / 2, () => {
        if (!asked) this.#roundTrips++
        asked = true
      })
      this.#pass(far, near, distanceMs / 2, () => (asked = false))
    })
  }

  static async open(writer: Writer): Promise<WayToWriter> {
    const way = new WayToWriter(writer)
    way.#server.listen(0, '127.0.0.1')
    await once(way.#server, 'listening')
    return way
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Times that something was sent to the writer and waited for. */
  get roundTrips(): number {
    return this.#roundTrips
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pass(from: Socket, to: Socket, delayMs: number, passed: () => void): void {
    this.#sockets.add(from)
    from.setNoDelay(true)
    from.on('data', (bytes) => {
      passed()
      // Timers of one length end in the order in which they began.
      setTimeout(() => to.writable && to.write(bytes), delayMs)
    })
    // Whatever breaks it, both ends hear of it.
    from.on('error', () => undefined)
    from.on('close', () => {
      this.#sockets.delete(from)
      setTimeout(() => to.destroy(), delayMs)
    })
  }
}
