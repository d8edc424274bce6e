import { ProtocolViolation } from './frontend-framer.ts'

/**
 * The fields of a client's messages that routing depends on; everything else passes as bytes.
 * Each takes a whole message, header included.
 */

/** The text of a Query. */
export function queryText(message: Buffer): string {
  return text(message, 5).value
}

/** Parse: the statement's name, its text, and where the list of parameter types begins. */
export function parseFields(message: Buffer): { name: string; sql: string; typesAt: number } {
  const name = text(message, 5)
  const sql = text(message, name.next)
  return { name: name.value, sql: sql.value, typesAt: sql.next }
}

/** Bind: the portal, the statement, and where formats and values begin. */
export function bindFields(message: Buffer): { portal: string; statement: string; valuesAt: number } {
  const portal = text(message, 5)
  const statement = text(message, portal.next)
  return { portal: portal.value, statement: statement.value, valuesAt: statement.next }
}

/** Execute: the portal and the row limit; 0 means all rows. */
export function executeFields(message: Buffer): { portal: string; maxRows: number } {
  const portal = text(message, 5)
  if (portal.next + 4 > message.length) throw new ProtocolViolation('insufficient data left in message')
  return { portal: portal.value, maxRows: message.readInt32BE(portal.next) }
}

/** FunctionCall: the function's number in pg_proc; 0, which none has, where the server will find the message too short. */
export function calledFunction(message: Buffer): number {
  return message.length < 9 ? 0 : message.readUInt32BE(5)
}

/** Describe and Close: a statement or a portal, by name. */
export function targetFields(message: Buffer): { of: 'statement' | 'portal'; name: string } {
  const kind = message[5]
  if (kind !== 0x53 && kind !== 0x50) {
    throw new ProtocolViolation(`invalid subtype ${kind ?? 'none'} of a Describe or Close message`)
  }
  return { of: kind === 0x53 ? 'statement' : 'portal', name: text(message, 6).value }
}

/** The first value of a Bind, given its formats and values; '' if there is none. */
export function firstValue(values: Buffer | undefined): string {
  if (!values || values.length < 2) return ''
  const countAt = 2 + 2 * values.readInt16BE(0)
  if (values.length < countAt + 6 || values.readInt16BE(countAt) === 0) return ''
  return values.toString('latin1', countAt + 6, countAt + 6 + Math.max(values.readInt32BE(countAt + 2), 0))
}

function text(message: Buffer, start: number): { value: string; next: number } {
  const end = message.indexOf(0, start)
  if (end < 0) throw new ProtocolViolation('invalid string in message')
  return { value: end === start ? '' : message.toString('utf8', start, end), next: end + 1 }
}
