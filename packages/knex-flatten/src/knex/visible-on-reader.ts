import { withinTime } from '../transaction/within-time.ts'
import type { Send } from './control-statements.ts'
import { MODE } from './server-role.ts'
import type { OpenRoot } from './transaction-state.ts'

/**
 * Waits until the server that the connection leads to shows what was just committed through it; never throws.
 *
 * A reader holds back a session's reads until it has replayed the session's own writes, unless its mode is `eventual`; what
 * one session is shown then, all are. A writer shows it at once.
 */
export async function awaitReader(open: OpenRoot, limitMs: number, send: Send): Promise<void> {
  try {
    await withinTime(
      limitMs,
      readOwnWrite(send),
      () => new Error(`The reader did not show what was committed within ${limitMs} ms.`),
    )
  } catch (error) {
    open.notVisible = error as Error
    // Nobody knows in which mode it is, or what it is still waiting for.
    open.closed = false
  }
}

async function readOwnWrite(send: Send): Promise<void> {
  const { response } = await send(`SELECT pg_is_in_recovery(), current_setting('${MODE}', true) AS mode`)
  const mode = response?.rows?.[0]?.['mode']
  if (mode !== 'eventual') return
  await send(`SET ${MODE} = 'session'`)
  await send('SELECT pg_is_in_recovery()')
  await send(`SET ${MODE} = 'eventual'`)
}
