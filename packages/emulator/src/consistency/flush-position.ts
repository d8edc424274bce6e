import type { Backend } from '../backend/backend.ts'
import { inject, type Injected } from '../backend/inject.ts'
import { errorResponse } from '../wire/error-response.ts'
import { parseLsn } from './lsn.ts'

/** Where the primary's log is safe, or the primary's error if it would not say. */
export type FlushPosition = { readonly lsn: bigint } | { readonly error: Buffer }

/**
 * Asks the primary how far its log is safe, behind all that has committed until now.
 *
 * The place to wait for is the **flush** position. The insert position would be ahead of anything the standby can be sent, and
 * a read would stall until the next commit or checkpoint. But with `synchronous_commit = off` a commit is answered before it
 * is flushed; where that may have happened, a commit that is flushed is put behind it.
 *
 * @param unflushedCommits commits may have been answered that are not flushed yet
 * @throws BackendLost
 */
export async function flushPosition(primary: Backend, unflushedCommits: boolean): Promise<FlushPosition> {
  let answer = await ask(primary)
  const [, ahead, synchronous] = answer.row
  if (ahead === 't' && (unflushedCommits || synchronous === 'off')) {
    const { error } = await inject(primary, flushNow)
    if (error) return { error }
    answer = await ask(primary)
  }
  const [lsn] = answer.row
  return lsn == null ? { error: answer.error ?? silent } : { lsn: parseLsn(lsn) }
}

const silent = errorResponse({
  severity: 'ERROR',
  sqlstate: '58000',
  message: 'the writer does not say how far its log is safe',
})

const ask = (primary: Backend): Promise<Injected> =>
  inject(
    primary,
    `SELECT pg_current_wal_flush_lsn(), pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn(),
            current_setting('synchronous_commit')`,
  )

const flushNow =
  "BEGIN READ WRITE; SET LOCAL synchronous_commit = local; SELECT pg_logical_emit_message(true, 'forwarding-reader', ''); COMMIT"
