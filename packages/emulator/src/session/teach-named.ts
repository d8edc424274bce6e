import type { Backend } from '../backend/backend.ts'
import type { Conversation } from './conversation.ts'
import { NotForwarded } from './not-forwarded.ts'
import type { Mark } from './plan.ts'

/**
 * SQL's EXECUTE, DEALLOCATE and PREPARE name statements: the server that is to run them must hold what the session has
 * under that name, if only the other server does.
 *
 * @throws NotForwarded with the server's own error, if it would not have it.
 */
export async function teachNamed(
  { prepared, failed }: Conversation,
  server: Backend,
  marks: readonly Mark[],
): Promise<void> {
  // In an aborted transaction nothing is learned, and nothing will run.
  if (failed) return
  for (const mark of marks) {
    if (mark.type !== 'execute' && mark.type !== 'deallocate' && mark.type !== 'prepare') continue
    if (mark.name === undefined) continue
    const statement = prepared.statement(mark.name)
    const error = statement
      ? await prepared.teachNow(server, statement)
      : await prepared.closeNow(server, mark.name)
    if (error) throw new NotForwarded(Buffer.from(error))
  }
}
