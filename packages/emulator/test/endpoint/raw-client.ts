import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ServerAddress } from '../../src/servers.ts'
import { framed } from '../../src/wire/build.ts'
import { describeError } from '../../src/wire/error-response.ts'
import { cancelMessage, startupMessage } from '../../src/wire/startup-packet.ts'

export interface Answer {
  /** The message's letter. */
  readonly type: string
  readonly bytes: Buffer
}

const text = (value: string) => Buffer.from(`${value}\0`)
const code = (letter: string) => letter.charCodeAt(0)

export const query = (sql: string) => framed(code('Q'), text(sql))
export const parse = (sql: string, name = '') => framed(code('P'), text(name), text(sql), Buffer.from([0, 0]))
export const describeStatement = (name = '') => framed(code('D'), Buffer.from('S'), text(name))
export const describePortal = (name = '') => framed(code('D'), Buffer.from('P'), text(name))
export const closeStatement = (name = '') => framed(code('C'), Buffer.from('S'), text(name))
export const sync = framed(code('S'))
export const flush = framed(code('H'))
export const copyData = (data: string) => framed(code('d'), Buffer.from(data))
export const copyDone = framed(code('c'))

/** Binds text values and asks for text. */
export function bind(values: readonly string[] = [], statement = '', portal = ''): Buffer {
  const count = Buffer.alloc(2)
  count.writeInt16BE(values.length)
  const bodies = values.flatMap((value) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(Buffer.byteLength(value))
    return [length, Buffer.from(value)]
  })
  const none = Buffer.from([0, 0])
  return framed(code('B'), text(portal), text(statement), none, count, ...bodies, none)
}

export function execute(maxRows = 0, portal = ''): Buffer {
  const limit = Buffer.alloc(4)
  limit.writeInt32BE(maxRows)
  return framed(code('E'), text(portal), limit)
}

/** A client that sends bytes as told, and hands over what comes back. */
export class RawClient {
  readonly socket: Socket
  readonly key: { pid: number; secret: Buffer } = { pid: 0, secret: Buffer.alloc(0) }
  #address: ServerAddress
  #rest: Buffer = Buffer.alloc(0)
  #answers: Answer[] = []
  #closed = false
  #wake: (() => void) | undefined

  /** @param socket a connection that was made already, encrypted say. */
  constructor(address: ServerAddress, socket: Socket = connect({ ...address, noDelay: true })) {
    this.#address = address
    this.socket = socket
    this.socket.on('error', () => undefined)
    this.socket.on('data', (chunk) => {
      this.#rest = Buffer.concat([this.#rest, chunk])
      while (this.#rest.length >= 5 && this.#rest.length > this.#rest.readInt32BE(1)) {
        const bytes = this.#rest.subarray(0, this.#rest.readInt32BE(1) + 1)
        this.#rest = this.#rest.subarray(bytes.length)
        this.#answers.push({ type: String.fromCharCode(bytes[0]!), bytes })
      }
      this.#wake?.()
    })
    this.socket.on('close', () => {
      this.#closed = true
      this.#wake?.()
    })
  }

  /** A session that is ready. */
  static async connect(
    address: ServerAddress,
    parameters: Record<string, string>,
    socket?: Socket,
    minor = 0,
  ): Promise<RawClient> {
    const client = new RawClient(address, socket)
    const startup = startupMessage(new Map(Object.entries(parameters)))
    startup.writeInt16BE(minor, 6)
    client.send(startup)
    const key = (await client.until('Z')).find(({ type }) => type === 'K')!.bytes
    client.key.pid = key.readInt32BE(5)
    client.key.secret = key.subarray(9)
    return client
  }

  send(...messages: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(messages))
  }

  /** All answers up to the first of a type, or up to the connection's end. */
  async until(type: string): Promise<Answer[]> {
    for (;;) {
      const at = this.#answers.findIndex((answer) => answer.type === type)
      if (at >= 0 || this.#closed) return this.#answers.splice(0, at >= 0 ? at + 1 : this.#answers.length)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Sends, and reads the letters of the answers up to ReadyForQuery (or another letter). */
  async ask(messages: readonly Buffer[], end = 'Z'): Promise<string> {
    this.send(...messages)
    return shape(await this.until(end))
  }

  /** All that still comes until the other side closes. */
  async ended(): Promise<Answer[]> {
    if (!this.#closed) await once(this.socket, 'close')
    return this.until('')
  }

  async cancel(): Promise<void> {
    const socket = connect(this.#address)
    socket.write(cancelMessage(this.key))
    socket.resume()
    await once(socket, 'close')
  }

  /** Cancels until there is an answer: a cancel that comes before the statement finds nothing to end. */
  async cancelled(): Promise<string> {
    const heard = { answer: false }
    const answer = this.until('Z').then((answers) => {
      heard.answer = true
      return shape(answers)
    })
    while (!heard.answer) await this.cancel()
    return answer
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** `1 2 D C Z(I) E(42P01)`: notices and parameters left out. */
export function shape(answers: readonly Answer[]): string {
  return answers
    .filter(({ type }) => type !== 'N' && type !== 'S')
    .map(({ type, bytes }) => {
      if (type === 'Z') return `Z(${String.fromCharCode(bytes[5]!)})`
      if (type === 'E') return `E(${describeError(bytes).sqlstate})`
      return type
    })
    .join(' ')
}

/** The SQLSTATE and the words of the first error among the answers. */
export function errorIn(answers: readonly Answer[]): { sqlstate: string; text: string } | undefined {
  const error = answers.find(({ type }) => type === 'E')
  return error && describeError(error.bytes)
}
