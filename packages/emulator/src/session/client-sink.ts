import type { BackendLost } from '../backend/backend-lost.ts'
import type { Backend } from '../backend/backend.ts'
import type { Reply, ReplySink } from '../backend/reply.ts'
import type { Outbox } from './outbox.ts'

/** Hands a server's answers on to the client, at the client's pace. */
export class ClientSink implements ReplySink {
  readonly wholeRows = false
  takesReady = false
  /** The unit has raised an error. */
  failed = false
  #outbox: Outbox
  #onCopyIn: (server: Backend) => void
  #server: Backend | undefined

  constructor(outbox: Outbox, onCopyIn: (server: Backend) => void) {
    this.#outbox = outbox
    this.#onCopyIn = onCopyIn
  }

  /** @throws BackendLost */
  run(server: Backend, bytes: Buffer, replies: readonly Reply[]): Promise<void> {
    this.#server = server
    this.takesReady = false
    return server.run(bytes, replies, this)
  }

  /** As {@link run}, for a unit whose ReadyForQuery is the client's as it is. */
  pass(server: Backend, bytes: Buffer, replies: readonly Reply[], over: (lost?: BackendLost) => void): void {
    this.#server = server
    this.takesReady = true
    server.send(bytes, replies, this, over)
  }

  relay(bytes: Buffer): void {
    this.#outbox.push(bytes)
  }

  fail(reply: Reply, error: Buffer): void {
    this.failed = true
    this.#outbox.push(reply.onError ? reply.onError(error) : error)
  }

  copyIn(): void {
    if (this.#server) this.#onCopyIn(this.#server)
  }

  pause(): void {
    const server = this.#server
    if (!this.#outbox.flush(() => server?.resumeReading())) server?.pauseReading()
  }
}
