import { framed } from './build.ts'
import { ProtocolViolation } from './frontend-framer.ts'
import { backend, frontend } from './message-types.ts'

/** What an Authentication message asks for, by its number. */
export const authentication = {
  ok: 0,
  cleartext: 3,
  md5: 5,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
} as const

/** Offers mechanisms, the best first. */
export function saslMessage(mechanisms: readonly string[]): Buffer {
  return asking(authentication.sasl, Buffer.from([...mechanisms, ''].map((each) => `${each}\0`).join('')))
}

export function saslContinueMessage(data: string): Buffer {
  return asking(authentication.saslContinue, Buffer.from(data))
}

export function saslFinalMessage(data: string): Buffer {
  return asking(authentication.saslFinal, Buffer.from(data))
}

function asking(what: number, body: Buffer): Buffer {
  const code = Buffer.alloc(4)
  code.writeInt32BE(what)
  return framed(backend.authentication, code, body)
}

/** What a server asks for, and what comes with it. */
export function readAuthentication(message: Buffer): { readonly asks: number; readonly data: Buffer } {
  return { asks: message.readInt32BE(5), data: message.subarray(9) }
}

/** The mechanisms of an AuthenticationSASL. */
export function mechanismsIn(data: Buffer): string[] {
  return data
    .toString('utf8')
    .split('\0')
    .filter((name) => name !== '')
}

export function passwordMessage(password: string): Buffer {
  return framed(frontend.password, Buffer.from(`${password}\0`))
}

export function saslInitialMessage(mechanism: string, data: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(Buffer.byteLength(data))
  return framed(frontend.password, Buffer.from(`${mechanism}\0`), length, Buffer.from(data))
}

export function saslResponseMessage(data: string): Buffer {
  return framed(frontend.password, Buffer.from(data))
}

/** A client's choice of mechanism, and its first message if it sends one with it. */
export function readSaslInitial(message: Buffer): { mechanism: string; data: string | undefined } {
  const end = message.indexOf(0, 5)
  if (end < 0 || end + 5 > message.length) throw new ProtocolViolation('insufficient data left in message')
  const length = message.readInt32BE(end + 1)
  const data = message.subarray(end + 5)
  if (length !== -1 && length !== data.length) throw new ProtocolViolation('invalid length of a SASL message')
  return {
    mechanism: message.toString('utf8', 5, end),
    data: length === -1 ? undefined : data.toString('utf8'),
  }
}

export function readSaslResponse(message: Buffer): string {
  return message.toString('utf8', 5)
}
