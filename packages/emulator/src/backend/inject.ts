import { queryMessage } from '../wire/build.ts'
import { backend } from '../wire/message-types.ts'
import type { Backend } from './backend.ts'
import type { Reply, ReplySink } from './reply.ts'

/** What came of a statement of the emulator's own. */
export interface Injected {
  readonly error: Buffer | undefined
  /** The columns of the first row, in text; empty without a row. */
  readonly row: readonly (string | null)[]
  /** All that came besides, of what was not hidden. */
  readonly said: Buffer
  /** All rows, of all statements. */
  readonly rows: readonly (readonly (string | null)[])[]
}

/**
 * Runs a statement of the emulator's own; the client sees nothing of it.
 * @throws BackendLost
 */
export function inject(server: Backend, sql: string): Promise<Injected> {
  // A simple query destroys the unnamed statement.
  server.known.delete('')
  return injectMessages(server, queryMessage(sql), [{ kind: 'query', hidden: false }])
}

/** As {@link inject}, for messages that are made already. */
export async function injectMessages(
  server: Backend,
  bytes: Buffer,
  replies: readonly Reply[],
): Promise<Injected> {
  const capture = new Capture()
  await server.run(bytes, replies, capture)
  const said = Buffer.concat(capture.messages)
  const rows = rowsOf(said)
  return { error: capture.error, row: rows[0] ?? [], rows, said }
}

class Capture implements ReplySink {
  readonly wholeRows = true
  readonly messages: Buffer[] = []
  error: Buffer | undefined

  relay(bytes: Buffer): void {
    this.messages.push(bytes)
  }

  fail(_reply: Reply, error: Buffer): void {
    this.error ??= Buffer.from(error)
  }

  copyIn(): void {
    throw new Error('a statement of the emulator itself asked for COPY data')
  }

  pause(): void {
    // Nothing was written, so there is nothing to flush.
  }
}

function rowsOf(bytes: Buffer): (string | null)[][] {
  const rows: (string | null)[][] = []
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    if (bytes[at] === backend.dataRow) rows.push(columnsAt(bytes, at + 5))
  }
  return rows
}

function columnsAt(bytes: Buffer, start: number): (string | null)[] {
  const values: (string | null)[] = []
  const count = bytes.readInt16BE(start)
  let at = start + 2
  for (let column = 0; column < count; column++) {
    const length = bytes.readInt32BE(at)
    at += 4
    values.push(length < 0 ? null : bytes.toString('utf8', at, at + length))
    at += Math.max(length, 0)
  }
  return values
}
