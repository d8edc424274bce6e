import { connect, type Socket } from 'node:net'
import type { ServerAddress } from '../../src/servers.ts'
import { framed } from '../../src/wire/build.ts'
import { startupMessage } from '../../src/wire/startup-packet.ts'
import {
  bind,
  closeStatement,
  copyData,
  copyDone,
  describePortal,
  describeStatement,
  execute,
  flush,
  parse,
  query,
  sync,
} from './raw-client.ts'

/** Numbers from 0 to 1 that are the same at every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const texts = [
  'SELECT 1',
  'SELECT generate_series(1, 3000)',
  'SELEC',
  '',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'COMMIT AND CHAIN',
  'INSERT INTO noise VALUES (1)',
  'INSERT INTO noise VALUES (2); SELECT 1/0',
  'BEGIN; INSERT INTO noise VALUES (3)',
  'SELECT * FROM noise LIMIT 1 FOR UPDATE',
  'SAVEPOINT a',
  'COPY noise FROM STDIN',
  'PREPARE p AS INSERT INTO noise VALUES (4)',
  'EXECUTE p',
  "SET app.a = 'one'",
  'DISCARD ALL',
]
const impossibleLengths = [-1, 0, 3, 5, 100_000, 0x3fffffff, 0x7fffffff]

/** Makes clients that send what no driver would, and leave when they like. */
export class HostileClients {
  #address: ServerAddress
  #startup: Buffer
  #random: () => number
  #recorded: (() => Buffer[]) | undefined

  /** @param recorded half of the clients send what this gives them. */
  constructor(
    address: ServerAddress,
    login: ReadonlyMap<string, string>,
    random: () => number,
    recorded?: () => Buffer[],
  ) {
    this.#address = address
    this.#startup = startupMessage(login)
    this.#random = random
    this.#recorded = recorded
  }

  /** One client's whole life; resolves when its connection is closed. */
  visit(): Promise<void> {
    const packets = this.#packets()
    const leave = this.#pick(['destroy', 'reset', 'end', 'terminate'] as const)
    const reads = this.#random() < 0.9
    const { host, port } = this.#address
    const socket = connect({ host, port, allowHalfOpen: this.#random() < 0.3 })
    return new Promise((resolve) => {
      socket.on('error', () => undefined).on('close', () => resolve())
      if (reads) socket.resume()
      const step = () => {
        const packet = packets.shift()
        if (socket.destroyed) return
        if (!packet) depart(socket, leave)
        else socket.write(packet, () => setImmediate(step))
      }
      socket.on('connect', step)
    })
  }

  #packets(): Buffer[] {
    if (this.#recorded && this.#random() < 0.5) return this.#recorded()
    const style = this.#below(5)
    if (style === 0) return [Buffer.from(Array.from({ length: this.#below(300) }, () => this.#below(256)))]
    const messages = Array.from({ length: this.#below(20) }, () => this.#message())
    if (style === 1) return [this.#spoilt(this.#startup), ...messages]
    if (style === 2) return [Buffer.concat([this.#startup, ...messages])]
    const spoilt = messages.map((message) => (this.#random() < 0.1 ? this.#spoilt(message) : message))
    return [this.#startup, ...spoilt].flatMap((message) => this.#torn(message))
  }

  #message(): Buffer {
    const text = this.#pick(texts)
    const name = this.#pick(['', 's'])
    return this.#pick([
      query(text),
      query(`${text};${this.#pick(texts)}`),
      parse(text, name),
      bind([], name),
      describePortal(),
      describeStatement(name),
      execute(this.#below(3)),
      closeStatement(name),
      flush,
      sync,
      sync,
      copyData('5\n'),
      copyDone,
      framed(0x46, Buffer.alloc(10)),
    ])
  }

  #torn(message: Buffer): Buffer[] {
    if (this.#random() < 0.8) return [message]
    const at = this.#below(message.length)
    return [message.subarray(0, at), message.subarray(at)]
  }

  #spoilt(message: Buffer): Buffer {
    const copy = Buffer.from(message)
    switch (this.#below(4)) {
      case 0:
        copy[this.#below(copy.length)] = this.#below(256)
        return copy
      case 1:
        return copy.subarray(0, this.#below(copy.length))
      case 2:
        copy.writeInt32BE(this.#pick(impossibleLengths), copy.length > 4 ? 1 : 0)
        return copy
      default:
        return Buffer.concat([copy, copy.subarray(0, this.#below(copy.length))])
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!
  }
}

function depart(socket: Socket, how: 'destroy' | 'reset' | 'end' | 'terminate'): void {
  if (how === 'reset') socket.resetAndDestroy()
  else if (how === 'destroy') socket.destroy()
  else socket.end(how === 'terminate' ? framed(0x58) : '', () => socket.destroy())
}
