import type { Backend } from '../backend/backend.ts'
import { hiddenQuery, hiddenSync, type Reply, type ReplySink } from '../backend/reply.ts'
import { parseMessage, queryMessage, syncMessage } from '../wire/build.ts'
import { detailOf } from '../wire/error-response.ts'
import { backend, status } from '../wire/message-types.ts'

/** Which functions a statement calls by name, as the server itself resolves them. */
export type CalledFunctions =
  | { readonly oids: readonly number[] }
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
  return trees.error ? { error: trees.error } : { oids: functionsIn(Buffer.concat(trees.messages)) }
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

function functionsIn(messages: Buffer): number[] {
  const oids = new Set<number>()
  let at = 0
  while (at < messages.length) {
    const end = at + 1 + messages.readInt32BE(at + 1)
    if (messages[at] === backend.noticeResponse) {
      // A tree that is not indented is broken into lines at its blanks.
      const tree = detailOf(messages.subarray(at, end)).replaceAll('\n', ' ')
      for (const { groups } of tree.matchAll(calls)) {
        const oid = Number(groups?.call ?? groups?.aggregate ?? groups?.window)
        if (oid >= firstOfOthers) oids.add(oid)
      }
    }
    at = end
  }
  return [...oids]
}
