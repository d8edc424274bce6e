import type { Role } from '../backend/backend.ts'
import type { Plan } from './plan.ts'

/** Other words for a stretch of a text. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * The client's text as a server is to have it. To the standby READ ONLY is said where the text says READ WRITE: a standby
 * takes no other transaction, and a forwarding reader accepts both; the primary is given READ WRITE when the transaction gets
 * there. Aurora's own parameters are set in the words in which they are to be shown.
 *
 * @param forwarding false while the session forwards nothing, and is as strict as any standby
 */
export function serverText(sql: string, plan: Plan, role: Role, forwarding: boolean): string {
  const { readWrite, shown } = plan
  if (readWrite.length === 0 && shown.length === 0) return sql
  return withEdits(sql, role === 'standby' && forwarding ? [...readWrite, ...shown] : shown)
}

/** @param start where the text begins in that which the edits are of. */
export function withEdits(text: string, edits: readonly Edit[], start = 0): string {
  let edited = ''
  let at = 0
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    edited += text.slice(at, edit.start - start) + edit.text
    at = edit.end - start
  }
  return edited + text.slice(at)
}
