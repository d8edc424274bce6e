import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { tooLong } from './held-response.ts'
import type { RequestTransaction } from './request-transaction.ts'

/**
 * What a handler answers with, read to its end where rows are streamed out of the transaction, which cannot be committed before;
 * any other stream is left to flow once it is committed.
 *
 * @throws RequestRollbackError where it is longer than may be held; whatever the stream fails with.
 */
export async function heldBody(
  transaction: RequestTransaction,
  body: unknown,
  maxHeldBytes: number,
): Promise<unknown> {
  if (!(body instanceof Readable)) return body
  // A query starts some microtasks after its stream was asked for.
  await setImmediate()
  if (!transaction.streamsRows) return body
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<string | Uint8Array>) {
    const buffer = Buffer.from(chunk as string)
    chunks.push(buffer)
    bytes += buffer.length
    if (bytes > maxHeldBytes) throw tooLong(maxHeldBytes)
  }
  return Buffer.concat(chunks)
}
