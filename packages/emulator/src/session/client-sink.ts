import type { Backend } from '../backend/backend.ts'
import type { Reply, ReplySink } from '../backend/reply.ts'
import type { Outbox } from './outbox.ts'

/** Hands a server's answers on to the client, at the client's pace. */
export class ClientSink implements ReplySink {
  readonly wholeRows = false
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
    return server.run(bytes, replies, this)
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
