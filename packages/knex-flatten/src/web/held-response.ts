import type { ServerResponse } from 'node:http'
import { RequestRollbackError } from '../errors/errors.ts'
import type { RequestTransaction } from './request-transaction.ts'

const outputs = ['writeHead', 'flushHeaders', 'write', 'end'] as const
const headerChanges = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const

type Output = (typeof outputs)[number]
type Send = (...args: unknown[]) => unknown
type Methods = Record<Output | (typeof headerChanges)[number], Send>

interface Limits {
  readonly rollbackFrom: number
  readonly maxHeldBytes: number
}

/**
 * Holds back an answer from its first byte until its transaction has ended, since nobody may read of a success that is not
 * committed. The first output ends the transaction; what the handler sends meanwhile is kept, and sent in the same order.
 *
 * Where rows are streamed out of the transaction itself, which cannot be committed before they are read, the whole answer is kept.
 */
export class HeldResponse {
  readonly #response: ServerResponse
  readonly #transaction: RequestTransaction
  readonly #limits: Limits
  readonly #fail: (error: unknown) => void
  readonly #before: ReturnType<ServerResponse['getHeaders']>
  readonly #kept: (() => unknown)[] = []
  #state: 'untouched' | 'held' | 'free' = 'untouched'
  #head = { statusCode: 200, statusMessage: '' }
  #bytes = 0
  #deciding = false
  #whole = false
  #owesDrain = false

  /** @param fail - hands an error to the framework, which then answers in the place of what was held. */
  constructor(
    response: ServerResponse,
    transaction: RequestTransaction,
    limits: Limits,
    fail: (error: unknown) => void,
  ) {
    this.#response = response
    this.#transaction = transaction
    this.#limits = limits
    this.#fail = fail
    this.#before = { ...response.getHeaders() }
    const methods = response as unknown as Methods
    for (const name of outputs) {
      const send = methods[name].bind(response)
      methods[name] = (...args) => this.#output(name, send, args)
    }
    for (const name of headerChanges) {
      const change = methods[name].bind(response)
      methods[name] = (...args) => {
        if (this.#state === 'held') throw headSent(name)
        return change(...args)
      }
    }
    response.once('close', () => transaction.abandon('the client is gone'))
  }

  #output(name: Output, send: Send, args: unknown[]): unknown {
    if (this.#state === 'untouched' && !this.#transaction.over) this.#hold(name, args[0])
    if (this.#state !== 'held') return send(...args)
    this.#kept.push(() => send(...args))
    if (name === 'end') this.#whole = true
    // Rows can be read to their end only while somebody takes them.
    const patient = !this.#deciding && this.#transaction.streamsRows
    if (name === 'end' || !patient) this.#decide()
    else this.#count(args[0])
    if (name !== 'write') return this.#response
    if (!patient) this.#owesDrain = true
    return patient
  }

  #hold(name: Output, status: unknown): void {
    const response = this.#response
    this.#state = 'held'
    if (name === 'writeHead') response.statusCode = Number(status)
    this.#head = { statusCode: response.statusCode, statusMessage: response.statusMessage }
    // As far as the handler is concerned it is sent.
    Object.defineProperty(response, 'headersSent', { configurable: true, get: () => true })
  }

  #count(chunk: unknown): void {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#bytes += Buffer.byteLength(chunk)
    if (this.#bytes <= this.#limits.maxHeldBytes) return
    const error = tooLong(this.#limits.maxHeldBytes)
    void this.#transaction.rollback(error)
    this.#refuse(error)
  }

  #decide(): void {
    if (this.#deciding) return
    this.#deciding = true
    this.#transaction
      .endWith(this.#head.statusCode, this.#limits.rollbackFrom)
      .then(() => this.#release())
      .catch((error: unknown) => this.#refuse(error))
  }

  #release(): void {
    this.#free()
    Object.assign(this.#response, this.#head)
    for (const send of this.#kept.splice(0)) send()
    if (this.#owesDrain && !this.#whole && !this.#response.writableNeedDrain) this.#response.emit('drain')
  }

  /** An answer that is whole gives its place to another; one whose handler is still sending can only be cut. */
  #refuse(error: unknown): void {
    const response = this.#response
    this.#kept.length = 0
    this.#free()
    if (this.#whole && !response.headersSent) {
      for (const name of response.getHeaderNames()) response.removeHeader(name)
      for (const [name, value] of Object.entries(this.#before)) response.setHeader(name, value!)
      Object.assign(response, { statusCode: 200, statusMessage: '' })
    } else {
      response.destroy()
    }
    this.#fail(error)
  }

  #free(): void {
    this.#state = 'free'
    Reflect.deleteProperty(this.#response, 'headersSent')
  }
}

/** For rows, streamed out of a transaction, that are more than may be held back. */
export function tooLong(maxHeldBytes: number): RequestRollbackError {
  return new RequestRollbackError(
    `The request's transaction was rolled back: the rows streamed out of it came to more than ${maxHeldBytes} bytes, which are held ` +
      'back until COMMIT. Raise { maxHeldBytes }, or skip the transaction on this route and stream from the instance.',
  )
}

/** What Node says to whoever changes a head that is sent. */
function headSent(name: string): Error {
  const error = new Error(`Cannot ${name} after the head was sent to the client`)
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}
