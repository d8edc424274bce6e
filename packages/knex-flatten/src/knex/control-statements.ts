import { transactionInfoOf } from '../events/info.ts'
import { publish } from '../events/publish.ts'
import { commitAnsweredRollback, commitOutcomeUnknown } from '../transaction/verdicts.ts'
import type { QueryObject } from './internals.ts'
import type { Control, OpenRoot } from './transaction-state.ts'
import { awaitReader } from './visible-on-reader.ts'
import { leavesNoDoubt, raisedByServer } from './wire-errors.ts'

/** Knex ends a scope by a statement; these two are answered by the wrapped client and never sent. */
export const SCOPE_RELEASE = 'RELEASE /* flattened by knex-flatten */'
/** Knex takes a rollback for one without an error only where its text starts with this word. */
export const SCOPE_ROLLBACK = 'ROLLBACK /* flattened by knex-flatten */'

/** As long as Knex waits for a ROLLBACK of its own. */
const ROLLBACK_PATIENCE_MS = 5_000

export type Send = (sql: string) => Promise<QueryObject>

/** Marks what `send` makes Knex send, within this very call, as a statement of the transaction's own. */
export function asControl<Answer>(open: OpenRoot, control: Control, send: () => Answer): Answer {
  open.control = control
  try {
    return send()
  } finally {
    open.control = undefined
  }
}

/**
 * Runs a statement of the transaction's own, and learns from its answer whether the server still holds a transaction.
 *
 * It must be learnt here, before Knex hears of the answer and gives the connection back.
 */
export function runControl(open: OpenRoot, control: Control, sql: string, send: Send): Promise<QueryObject> {
  return runs[control](open, sql, send)
}

const runs: Record<Control, (open: OpenRoot, sql: string, send: Send) => Promise<QueryObject>> = {
  begin,
  commit,
  rollback,
  savepoint: (_open, sql, send) => send(sql),
}

async function begin(open: OpenRoot, sql: string, send: Send): Promise<QueryObject> {
  open.closed = false
  try {
    const answer = await send(sql)
    publish('knex-flatten:begin', () => ({ transaction: transactionInfoOf(open.root) }))
    return answer
  } catch (error) {
    open.beginError = error
    open.root.crossings?.over()
    open.closed = raisedByServer(error) && (await answersRollback(send))
    throw error
  }
}

/** PostgreSQL answers the COMMIT of an aborted transaction with ROLLBACK, and calls that a success. */
async function commit(open: OpenRoot, sql: string, send: Send): Promise<QueryObject> {
  const { root } = open
  const before = open.handedOver
  try {
    const answer = await send(sql)
    open.closed = true
    root.outcome = answer.response?.command === 'ROLLBACK' ? 'rolled-back' : 'committed'
    if (root.outcome === 'rolled-back') throw commitAnsweredRollback(root, root.failure)
    if (root.hooks?.visibleWithinMs) await awaitReader(open, root.hooks.visibleWithinMs, send)
    if (open.late) throw open.late.error as Error
    return answer
  } catch (error) {
    root.outcome ??= open.handedOver === before || leavesNoDoubt(error) ? 'rolled-back' : 'unknown'
    open.commitError = root.outcome === 'unknown' ? commitOutcomeUnknown(root, error) : error
    // A COMMIT that was refused (by a cancel, say) has left the transaction open; one that failed has ended it.
    open.closed ||= raisedByServer(error) && (await answersRollback(send))
    throw open.commitError
  }
}

/** A ROLLBACK that could not be sent happens all the same, when the connection goes; the reason for it matters more. */
async function rollback(open: OpenRoot, sql: string, send: Send): Promise<QueryObject> {
  let answer: QueryObject = { sql, bindings: [] }
  try {
    answer = await send(sql)
    open.closed = true
  } catch {
    // Not closed: the connection will be.
  }
  open.root.outcome = 'rolled-back'
  if (open.late) throw open.late.error as Error
  return answer
}

/** Asks a server that has just refused something whether it is still there, and leaves no transaction on it. */
async function answersRollback(send: Send): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      resolve(false)
    }, ROLLBACK_PATIENCE_MS)
  })
  const answer = send('ROLLBACK').then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}
