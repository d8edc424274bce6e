import type { Socket } from 'node:net'
import { TLSSocket, type SecureContext } from 'node:tls'
import { certificateHash } from '../auth/certificate-hash.ts'
import { LoginRefused } from '../auth/login-refused.ts'
import { fatal } from '../wire/error-response.ts'
import { farewell } from '../wire/farewell.ts'
import { alpnProtocol } from '../wire/startup-packet.ts'

/** What was read, and how many bytes it took. */
export interface Taken<T> {
  readonly packet: T
  readonly length: number
}

/** The client went, or was put out, before it had a session; nobody is left to be told. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/** A connection that has no session yet: what it sends is read packet by packet, and within a limit of time. */
export class Opening {
  #socket: Socket
  #held: Buffer = Buffer.alloc(0)
  #limit: NodeJS.Timeout
  #asked = false

  /** @param limitMs PostgreSQL's `authentication_timeout`. */
  constructor(socket: Socket, limitMs: number) {
    this.#socket = socket
    socket.on('error', () => socket.destroy())
    this.#limit = setTimeout(() => this.#putOut(), limitMs)
    socket.on('close', () => clearTimeout(this.#limit))
  }

  /** The connection as it is now; another after {@link Opening.encrypt}. */
  get socket(): Socket {
    return this.#socket
  }

  get encrypted(): boolean {
    return this.#socket instanceof TLSSocket
  }

  /** The hash of our certificate, where there is one to tie a login to. */
  get binding(): Buffer | undefined {
    const certificate = this.#socket instanceof TLSSocket ? this.#socket.getX509Certificate()?.raw : undefined
    return certificate && certificateHash(certificate)
  }

  /**
   * Takes the next packet, as soon as `read` finds it whole.
   * @throws ClientGone, and what `read` throws.
   */
  take<T>(read: (held: Buffer) => Taken<T> | undefined): Promise<T> {
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        socket.pause()
        socket.off('data', onData).off('end', onGone).off('close', onGone)
        act()
      }
      const onGone = () => settle(() => reject(new ClientGone()))
      const look = () => {
        try {
          const taken = read(this.#held)
          if (!taken) return false
          this.#held = this.#held.subarray(taken.length)
          settle(() => resolve(taken.packet))
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error))))
        }
        return true
      }
      const onData = (chunk: Buffer) => {
        this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk
        look()
      }
      if (look()) return
      if (socket.destroyed || socket.readableEnded) onGone()
      else socket.on('data', onData).on('end', onGone).on('close', onGone).resume()
    })
  }

  /** Sends; from now on a client that is too slow is told so. */
  ask(bytes: Buffer): void {
    this.#asked = true
    this.#socket.write(bytes)
  }

  /**
   * Answers a request for encryption with one letter.
   *
   * @throws LoginRefused if something came behind the request: whoever sent it may stand in between (CVE-2021-23222).
   */
  answer(letter: 'S' | 'N', request: 'SSL' | 'GSSAPI encryption'): void {
    if (this.#held.length === 0) {
      this.#socket.write(letter)
      return
    }
    throw new LoginRefused(
      '08P01',
      `received unencrypted data after ${request} request`,
      'This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.',
    )
  }

  /** Goes over to TLS; what is held and was not taken is part of it. @throws ClientGone if there is no agreement. */
  encrypt(secureContext: SecureContext): Promise<TLSSocket> {
    const plain = this.#socket
    if (this.#held.length > 0) plain.unshift(this.#held)
    this.#held = Buffer.alloc(0)
    const socket = new TLSSocket(plain, { isServer: true, secureContext, ALPNProtocols: [alpnProtocol] })
    this.#socket = socket
    return new Promise((resolve, reject) => {
      socket.on('error', () => socket.destroy())
      const onGone = () => reject(new ClientGone())
      socket.once('close', onGone).once('end', onGone)
      socket.once('secure', () => {
        socket.off('close', onGone).off('end', onGone)
        resolve(socket)
      })
    })
  }

  /** The client is who it says: it is in no hurry any more. */
  settle(): void {
    clearTimeout(this.#limit)
  }

  /** Lets go of the connection, which is paused. @returns what came behind the last packet. */
  release(): Buffer {
    const rest = this.#held
    this.#held = Buffer.alloc(0)
    return rest
  }

  /** Says something that ends the connection, and does not wait for long until the client has read it. */
  end(lastWords: Buffer): void {
    farewell(this.#socket, lastWords)
  }

  #putOut(): void {
    if (this.#asked) this.end(fatal('57014', 'canceling authentication due to timeout'))
    else this.#socket.destroy()
  }
}
