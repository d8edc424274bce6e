import { ProtocolViolation } from './frontend-framer.ts'

/** What a session is given at its start, and shows to cancel what it runs. */
export interface CancelKey {
  readonly pid: number
  /** 4 bytes; up to 256 from protocol 3.2 on. */
  readonly secret: Buffer
}

/** What a packet asks for that comes before any session. */
export type StartupPacket =
  | { readonly kind: 'tls' | 'gss' }
  | { readonly kind: 'cancel'; readonly key: CancelKey }
  | {
      readonly kind: 'start'
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
      /** `_pq_.` options: extensions of the protocol that the client would like. */
      readonly protocolOptions: readonly string[]
    }
  | { readonly kind: 'unsupported'; readonly major: number; readonly minor: number }

/** The newest minor version of protocol 3 that is spoken here, as PostgreSQL 18 does; 3.2 has longer cancel keys. */
export const newestMinor = 2
/** How TLS names PostgreSQL's protocol. */
export const alpnProtocol = 'postgresql'
/** The first byte of TLS, which none of our packets begins with. */
export const tlsHandshake = 0x16

const cancelRequest = 80877102
const sslRequest = 80877103
const gssEncRequest = 80877104
const longest = 10_000
const longestSecret = 256

/**
 * What came first is no startup packet. PostgreSQL closes such a connection without a word, and drivers count on that: one that
 * changes its mind before it has introduced itself may still say goodbye.
 */
export class NoStartupPacket extends Error {
  override readonly name = 'NoStartupPacket'
}

/** Asks a server whether it takes an encrypted connection. */
export const sslRequestMessage: Buffer = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

/**
 * Reads the first packet, if all of it is there.
 * @returns the packet and the bytes it took, or `undefined` while bytes are missing.
 * @throws NoStartupPacket if this cannot be a PostgreSQL client, ProtocolViolation if it is one that is mistaken.
 */
export function readStartupPacket(bytes: Buffer): { packet: StartupPacket; length: number } | undefined {
  if (bytes.length < 4) return undefined
  const length = bytes.readInt32BE(0)
  if (length < 8 || length > longest) {
    throw new NoStartupPacket(
      `invalid length of startup packet: ${length}; 8 to ${longest} bytes are allowed`,
    )
  }
  if (bytes.length < length) return undefined
  return { packet: read(bytes.subarray(0, length)), length }
}

/** The StartupMessage of protocol 3.0 that asks a server for a session. */
export function startupMessage(parameters: ReadonlyMap<string, string>): Buffer {
  const pairs = [...parameters].flatMap(([name, value]) => [name, value])
  const body = Buffer.from([...pairs, ''].map((each) => `${each}\0`).join(''), 'utf8')
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + body.length, 0)
  head.writeInt32BE(3 << 16, 4)
  return Buffer.concat([head, body])
}

/** The packet that asks a server to cancel what the session with this key runs. */
export function cancelMessage({ pid, secret }: CancelKey): Buffer {
  const head = Buffer.alloc(12)
  head.writeInt32BE(head.length + secret.length, 0)
  head.writeInt32BE(cancelRequest, 4)
  head.writeInt32BE(pid, 8)
  return Buffer.concat([head, secret])
}

function read(packet: Buffer): StartupPacket {
  const code = packet.readInt32BE(4)
  if (packet.length === 8 && code === sslRequest) return { kind: 'tls' }
  if (packet.length === 8 && code === gssEncRequest) return { kind: 'gss' }
  if (code === cancelRequest) {
    const secret = packet.subarray(12)
    if (secret.length < 1 || secret.length > longestSecret) {
      throw new ProtocolViolation('invalid length of cancel request')
    }
    return { kind: 'cancel', key: { pid: packet.readInt32BE(8), secret } }
  }
  const major = code >>> 16
  const minor = code & 0xffff
  if (major !== 3) return { kind: 'unsupported', major, minor }
  return { kind: 'start', minor, ...parametersOf(packet) }
}

function parametersOf(packet: Buffer): { parameters: Map<string, string>; protocolOptions: string[] } {
  const parameters = new Map<string, string>()
  const protocolOptions: string[] = []
  let at = 8
  while (at < packet.length && packet[at] !== 0) {
    const nameEnd = packet.indexOf(0, at)
    const valueEnd = nameEnd < 0 ? -1 : packet.indexOf(0, nameEnd + 1)
    if (valueEnd < 0) throw new ProtocolViolation('invalid startup packet layout: a value is missing')
    const name = packet.toString('utf8', at, nameEnd)
    if (name.startsWith('_pq_.')) protocolOptions.push(name)
    else parameters.set(name, packet.toString('utf8', nameEnd + 1, valueEnd))
    at = valueEnd + 1
  }
  if (at !== packet.length - 1) {
    throw new ProtocolViolation('invalid startup packet layout: expected terminator as last byte')
  }
  return { parameters, protocolOptions }
}
