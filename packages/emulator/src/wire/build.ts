import { backend, frontend } from './message-types.ts'
import type { CancelKey } from './startup-packet.ts'

/** Messages that the emulator itself sends, to either side. */

export const syncMessage: Buffer = Buffer.from([frontend.sync, 0, 0, 0, 4])
export const flushMessage: Buffer = Buffer.from([frontend.flush, 0, 0, 0, 4])
export const terminateMessage: Buffer = Buffer.from([frontend.terminate, 0, 0, 0, 4])
export const authenticationOk: Buffer = Buffer.from([backend.authentication, 0, 0, 0, 8, 0, 0, 0, 0])
/** Describe and Execute of the unnamed portal. */
const executeUnnamed: Buffer = framed(frontend.execute, Buffer.from([0, 0, 0, 0, 0]))

/** Simple query; `sql` may be bytes in the client's own encoding. */
export function queryMessage(sql: string | Buffer): Buffer {
  return framed(frontend.query, bytes(sql), zero)
}

/** Parse; `types` is the tail of a Parse message: the count and the type OIDs. */
export function parseMessage(name: string, sql: string | Buffer, types: Buffer = noTypes): Buffer {
  return framed(frontend.parse, bytes(name), zero, bytes(sql), zero, types)
}

function closePortalMessage(name: string): Buffer {
  return framed(frontend.close, Buffer.from([0x50]), bytes(name), zero)
}

/** Close of a prepared statement. */
export function closeStatementMessage(name: string): Buffer {
  return framed(frontend.close, Buffer.from([0x53]), bytes(name), zero)
}

/** Runs the unnamed statement with the values of another Bind, and leaves no trace of it. */
export function runUnnamed(values: Buffer): Buffer {
  const closed = [closePortalMessage(''), closeStatementMessage('')]
  return Buffer.concat([framed(frontend.bind, zero, zero, values), executeUnnamed, ...closed, syncMessage])
}

/** Runs a text among a client's extended messages, and touches neither what has no name nor what the client has named. */
export function runAside(sql: string): Buffer {
  const name = Buffer.from('forwarding-reader\0')
  return Buffer.concat([
    // An attempt that failed has left it there.
    closeStatementMessage('forwarding-reader'),
    parseMessage('forwarding-reader', sql),
    framed(frontend.bind, name, name, Buffer.alloc(6)),
    framed(frontend.execute, name, Buffer.alloc(4)),
    closePortalMessage('forwarding-reader'),
    closeStatementMessage('forwarding-reader'),
  ])
}

/** Ends COPY data that will never be whole. */
export function copyFailMessage(reason: string): Buffer {
  return framed(frontend.copyFail, bytes(reason), zero)
}

export function readyForQuery(status: number): Buffer {
  return Buffer.from([backend.readyForQuery, 0, 0, 0, 5, status])
}

export function keyDataMessage({ pid, secret }: CancelKey): Buffer {
  const head = Buffer.alloc(4)
  head.writeInt32BE(pid)
  return framed(backend.keyData, head, secret)
}

/** NegotiateProtocolVersion: the newest version spoken here, and the protocol options nobody here knows. */
export function negotiateVersionMessage(minor: number, unknownOptions: readonly string[]): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt16BE(3, 0)
  head.writeInt16BE(minor, 2)
  head.writeInt32BE(unknownOptions.length, 4)
  return framed(backend.negotiateVersion, head, ...unknownOptions.flatMap((option) => [bytes(option), zero]))
}

export function framed(type: number, ...body: readonly Buffer[]): Buffer {
  let length = 5
  for (const part of body) length += part.length
  const message = Buffer.allocUnsafe(length)
  message[0] = type
  message.writeInt32BE(length - 1, 1)
  let at = 5
  for (const part of body) {
    part.copy(message, at)
    at += part.length
  }
  return message
}

const zero = Buffer.from([0])
const noTypes = Buffer.from([0, 0])

function bytes(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'utf8') : text
}
