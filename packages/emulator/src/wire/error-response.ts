import { framed } from './build.ts'
import { backend } from './message-types.ts'

/** The fields of an ErrorResponse that the emulator reads or writes. */
export interface ErrorFields {
  readonly severity: 'ERROR' | 'FATAL'
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  readonly context?: string
}

type Field = readonly [code: string, value: Buffer]

export function errorResponse(error: ErrorFields): Buffer {
  const fields: [string, string | undefined][] = [
    ['S', error.severity],
    ['V', error.severity],
    ['C', error.sqlstate],
    ['M', error.message],
    ['D', error.detail],
    ['H', error.hint],
    ['W', error.context],
  ]
  return encode(
    fields.flatMap(([code, value]): Field[] =>
      value === undefined ? [] : [[code, Buffer.from(value.replaceAll('\0', ''), 'utf8')]],
    ),
  )
}

/** The last words of a session, or of one that does not begin. */
export function fatal(sqlstate: string, message: string, hint?: string, detail?: string): Buffer {
  return errorResponse({
    severity: 'FATAL',
    sqlstate,
    message,
    ...(detail !== undefined && { detail }),
    ...(hint !== undefined && { hint }),
  })
}

/** The message's own words and SQLSTATE, for a sentence of ours about it. */
export function describeError(message: Buffer): { sqlstate: string; text: string } {
  const fields = decode(message)
  const read = (code: string) => fields.find(([each]) => each === code)?.[1].toString('utf8')
  return { sqlstate: read('C') ?? 'XX000', text: read('M') ?? 'no message' }
}

/** The detail (field D) of an error or a notice; '' without one. */
export function detailOf(message: Buffer): string {
  return (
    decode(message)
      .find(([code]) => code === 'D')?.[1]
      .toString('latin1') ?? ''
  )
}

/** Adds a line to the context (field W), where PostgreSQL's clients look for what an error happened within. */
export function withContext(message: Buffer, line: string): Buffer {
  const fields = decode(message)
  const old = fields.find(([code]) => code === 'W')?.[1]
  const added = Buffer.from(line.replaceAll('\0', ''), 'utf8')
  const context = old === undefined ? added : Buffer.concat([old, Buffer.from('\n'), added])
  return encode([...fields.filter(([code]) => code !== 'W'), ['W', context]])
}

/** A FATAL of one backend is an ordinary ERROR to a session that lives on. */
export function asError(message: Buffer): Buffer {
  const severity = Buffer.from('ERROR')
  return encode(
    decode(message).map(([code, value]) => [code, code === 'S' || code === 'V' ? severity : value]),
  )
}

function decode(message: Buffer): Field[] {
  const fields: Field[] = []
  let at = 5
  while (at < message.length && message[at] !== 0) {
    const end = message.indexOf(0, at + 1)
    if (end < 0) break
    fields.push([String.fromCharCode(message[at]!), message.subarray(at + 1, end)])
    at = end + 1
  }
  return fields
}

function encode(fields: readonly Field[]): Buffer {
  const zero = Buffer.from([0])
  return framed(
    backend.errorResponse,
    ...fields.flatMap(([code, value]) => [Buffer.from(code, 'latin1'), value, zero]),
    zero,
  )
}
