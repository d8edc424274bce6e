import type { Backend } from '../backend/backend.ts'
import { hiddenQuery, hiddenSync, type Reply, type ReplySink } from '../backend/reply.ts'
import { parseMessage, queryMessage, syncMessage } from '../wire/build.ts'
import { detailOf } from '../wire/error-response.ts'
import { backend, status } from '../wire/message-types.ts'

/** Which functions a statement calls by name, as the server itself resolves them. */
export type CalledFunctions =
  | { readonly oids: readonly number[] }
  /** It shows no tree of such a statement: before version 16 of none but SELECT, INSERT, UPDATE, DELETE and MERGE. */
  | { readonly hidden: true }
  /** The server does not accept the statement; its ErrorResponse. */
  | { readonly error: Buffer }

/** PostgreSQL's own objects are numbered below (FirstNormalObjectId). */
export const firstOfOthers = 16_384

const mark = '"forwarding-reader"'
// Where the session may not change log_min_messages the trees stand in the server's log as well.
const showTree =
  'SET LOCAL client_min_messages = log; SET LOCAL debug_pretty_print = off;' +
  " SELECT pg_catalog.set_config('log_min_messages', 'fatal', true) FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper;" +
  ' SET LOCAL debug_print_parse = on'

/**
 * Has the server analyse a statement, without running it, and reads from its parse tree which functions the names in it
 * mean there: by search path, argument types and overloads, nobody else can tell. Only calls are looked at, not what
 * operators, casts, defaults or views lead to.
 *
 * Must not be asked in an aborted transaction, nor while extended messages of the client wait for their Sync.
 * @param types the parameter types, as a Parse message carries them.
 * @throws BackendLost
 */
export async function calledFunctions(
  server: Backend,
  sql: string,
  types?: Buffer,
): Promise<CalledFunctions> {
  const open = server.status === status.open
  // Everything set here ends with it, and so does the error of a statement that is none.
  const before = open ? `SAVEPOINT ${mark}; ${showTree}` : `BEGIN; ${showTree}`
  const after = open ? `ROLLBACK TO ${mark}; RELEASE ${mark}` : 'ROLLBACK'
  server.known.delete('')
  const trees = new Trees()
  const analysis: Reply = { kind: 'parse', hidden: false }
  await server.run(
    Buffer.concat([queryMessage(before), parseMessage('', sql, types), syncMessage, queryMessage(after)]),
    [hiddenQuery, analysis, hiddenSync, hiddenQuery],
    trees,
  )
  if (trees.error) return { error: trees.error }
  const shown = treesIn(Buffer.concat(trees.messages))
  return shown.some((tree) => tree.includes(' :utilityStmt ? '))
    ? { hidden: true }
    : { oids: functionsIn(shown) }
}

class Trees implements ReplySink {
  readonly wholeRows = true
  readonly messages: Buffer[] = []
  error: Buffer | undefined

  relay(bytes: Buffer): void {
    this.messages.push(Buffer.from(bytes))
  }

  fail(_reply: Reply, error: Buffer): void {
    this.error ??= Buffer.from(error)
  }

  copyIn(): void {
    throw new Error('the analysis of a statement asked for COPY data')
  }

  pause(): void {
    // Nothing was written, so there is nothing to flush.
  }
}

// COERCE_EXPLICIT_CALL and COERCE_SQL_SYNTAX; the others are casts. A blank within a name is escaped, so none looks like this.
const calls =
  /\{(?:FUNCEXPR :funcid (?<call>\d+) (?::\w+ [^ {}]+ )*?:funcformat [03]|AGGREF :aggfnoid (?<aggregate>\d+)|WINDOWFUNC :winfnoid (?<window>\d+)) /g

function treesIn(messages: Buffer): string[] {
  const trees: string[] = []
  let at = 0
  while (at < messages.length) {
    const end = at + 1 + messages.readInt32BE(at + 1)
    // A tree that is not indented is broken into lines at its blanks.
    if (messages[at] === backend.noticeResponse) {
      trees.push(detailOf(messages.subarray(at, end)).replaceAll('\n', ' '))
    }
    at = end
  }
  return trees
}

function functionsIn(trees: readonly string[]): number[] {
  const oids = new Set<number>()
  for (const tree of trees) {
    for (const { groups } of tree.matchAll(calls)) {
      const oid = Number(groups?.call ?? groups?.aggregate ?? groups?.window)
      if (oid >= firstOfOthers) oids.add(oid)
    }
  }
  return [...oids]
}
