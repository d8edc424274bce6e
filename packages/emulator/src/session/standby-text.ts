/**
 * Says READ ONLY where a text says READ WRITE. A standby takes no other transaction, and a forwarding reader accepts both;
 * the primary is given the client's own text when the transaction gets there.
 */
export function readOnlyText(
  sql: string,
  places: readonly { readonly start: number; readonly end: number }[],
): string {
  let text = ''
  let at = 0
  for (const { start, end } of places) {
    text += `${sql.slice(at, start)}READ ONLY`
    at = end
  }
  return text + sql.slice(at)
}
