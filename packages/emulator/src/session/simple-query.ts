import type { Backend } from '../backend/backend.ts'
import type { Reply } from '../backend/reply.ts'
import { queryMessage } from '../wire/build.ts'
import { status } from '../wire/message-types.ts'
import { calledFunction, queryText } from '../wire/message-fields.ts'
import type { Conversation } from './conversation.ts'
import { awaitConsistency, takesSnapshot, tookSnapshot } from './await-consistency.ts'
import { cross, heedCancel, reachPrimary } from './cross.ts'
import { demandOf, endingOf, forwards, routeOf } from './demand.ts'
import { errorOf, recordRefusal } from './errors.ts'
import { judgeCalls, judgeFunctionCall, mayCallOthers } from './judge-calls.ts'
import { runForClient, syncForClient, tellLoss } from './lost-primary.ts'
import { NotForwarded } from './not-forwarded.ts'
import type { Plan } from './plan.ts'
import { failingText, idleText, refusalResponse } from './refusal.ts'
import { ready, settle, takeIn } from './settle.ts'
import { serverText } from './standby-text.ts'
import { teachNamed } from './teach-named.ts'
import { wrongSetting } from './wrong-setting.ts'

/** Answers a simple query: one statement or several, as one string. */
export async function performQuery(conversation: Conversation, message: Buffer): Promise<void> {
  const sql = queryText(message)
  conversation.prepared.dropUnnamed(conversation.endpoint.planner.plan(sql))
  if (!(await syncBefore(conversation))) return
  await orTell(conversation, performParts(conversation, sql, message))
  await ready(conversation)
}

/** Tells the client of what kept its statement from running; the session lives on. */
async function orTell(conversation: Conversation, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (error instanceof NotForwarded) await fail(conversation, error.response)
    else await tellLoss(conversation, error, undefined)
  }
}

/** @throws NotForwarded */
async function performParts(conversation: Conversation, sql: string, message: Buffer): Promise<void> {
  let part = sql
  for (let whole = false; !whole && !conversation.sink.failed;) {
    const plan = await planOf(conversation, part)
    const cut = cutOf(conversation, part, plan)
    whole = cut === undefined
    if (cut === undefined)
      await performText(conversation, part, part === sql ? message : queryMessage(part), plan)
    else {
      const first = part.slice(0, cut)
      await performText(conversation, first, queryMessage(first), await planOf(conversation, first))
      part = part.slice(cut).replace(/^\s*;/, '')
    }
  }
}

async function planOf(conversation: Conversation, sql: string): Promise<Plan> {
  const plan = conversation.endpoint.planner.plan(sql)
  if (!mayCallOthers(conversation, plan)) return plan
  // To ask what it calls takes a snapshot as well.
  if (!plan.forwards && takesSnapshot(conversation, plan)) await awaitConsistency(conversation, [plan])
  return judgeCalls(conversation, sql, plan)
}

/**
 * Where a string is cut in two: behind what ends an aborted transaction, or one of the standby before something is written;
 * and where something is refused, behind what was committed before, and within a transaction right before it.
 */
function cutOf(conversation: Conversation, sql: string, plan: Plan): number | undefined {
  const { cutAt, discards } = plan
  const { transaction, failed } = conversation
  if (discards) return undefined
  if (transaction && failed) return cutAt
  const route = routeOf(conversation, demandOf(conversation, [plan]))
  if (route.to === 'refused') {
    const { at, inBlock } = route.refusal
    if (cutAt !== undefined && cutAt <= at) return cutAt
    return at > 0 && (inBlock || transaction) ? at : undefined
  }
  if (cutAt === undefined || !transaction || !forwards(conversation, plan)) return undefined
  const first = demandOf(conversation, [conversation.endpoint.planner.plan(sql.slice(0, cutAt))])
  return routeOf(conversation, first).to === 'standby' ? cutAt : undefined
}

/** @throws NotForwarded */
async function performText(
  conversation: Conversation,
  sql: string,
  message: Buffer,
  plan: Plan,
): Promise<void> {
  const wrong = conversation.failed
    ? undefined
    : wrongSetting(conversation, plan, conversation.transaction !== undefined)
  if (wrong) return fail(conversation, wrong)
  const route = routeOf(conversation, demandOf(conversation, [plan]))
  if (route.to === 'refused') {
    const leaves = conversation.failed && !plan.marks.some(({ type }) => type === 'end')
    if (leaves) return run(conversation, conversation.holder, queryMessage(idleText), undefined)
    recordRefusal(conversation, route.refusal)
    return fail(conversation, refusalResponse(route.refusal, conversation.endpoint))
  }
  const started = performance.now()
  const server = route.to === 'primary' ? await reachPrimary(conversation) : conversation.servers.standby
  if (route.to === 'primary') {
    if (route.crosses) await cross(conversation, [sql])
  } else if (plan.reads || takesSnapshot(conversation, plan)) await awaitConsistency(conversation, [plan])
  await teachNamed(conversation, server, plan.marks)
  heedCancel(conversation)
  const crossing = conversation.crossing
  const text = serverText(sql, plan, server.role, conversation.forwarding)
  const bytes = text === sql ? message : queryMessage(text)
  const forwardedText = route.to === 'primary' && route.crosses ? sql : undefined
  await run(conversation, server, bytes, plan, forwardedText, () => {
    if (crossing && forwardedText !== undefined) crossing.waitedMs += performance.now() - started
  })
  if (plan.reads) tookSnapshot(conversation, server)
}

/** Extended messages without a Sync may stand before it. @returns false if that ended in an error, which is the answer then. */
async function syncBefore(conversation: Conversation): Promise<boolean> {
  const alive = await syncForClient(conversation)
  if (!conversation.sink.failed) return true
  if (alive) await settle(conversation, conversation.holder)
  await ready(conversation)
  return false
}

/** A fastpath call: as a SELECT of the function. What the standby would not let it do it refuses by itself. */
export async function performCall(conversation: Conversation, message: Buffer): Promise<void> {
  if (!(await syncBefore(conversation))) return
  await orTell(conversation, performFunction(conversation, message))
  await ready(conversation)
}

/** @throws NotForwarded */
async function performFunction(conversation: Conversation, message: Buffer): Promise<void> {
  const { sql, plan } = await judgeFunctionCall(conversation, calledFunction(message))
  await performText(conversation, sql, message, plan)
}

async function run(
  conversation: Conversation,
  server: Backend,
  bytes: Buffer,
  plan: Plan | undefined,
  forwardedText?: string,
  answered?: () => void,
): Promise<void> {
  let completed = 0
  const reply: Reply = {
    kind: 'query',
    hidden: false,
    ...(plan && plan.marks.length > 0 && { onStatement: () => (completed += 1) }),
    onError: errorOf(conversation, plan, forwardedText),
  }
  const ending = plan && endingOf(conversation, [plan], true)
  const alive = await runForClient(conversation, server, bytes, [reply], ending)
  answered?.()
  if (!alive) return
  if (plan && plan.marks.length > 0) {
    const done = conversation.sink.failed ? plan.marksOf.slice(0, completed).flat() : plan.marks
    // No portal outlives its transaction.
    if (plan.marks.some(({ type }) => type === 'end')) conversation.prepared.portals.clear()
    takeIn(conversation, server, done)
  }
  await settle(conversation, server)
}

/** Answers with an error of the emulator's own; an open transaction is aborted by PostgreSQL itself. */
async function fail(conversation: Conversation, response: Buffer): Promise<void> {
  if (conversation.status === status.idle) {
    conversation.outbox.push(response)
    conversation.sink.failed = true
    return settle(conversation, conversation.servers.standby)
  }
  const reply: Reply = { kind: 'query', hidden: false, onError: () => response }
  const server = conversation.holder
  if (await runForClient(conversation, server, queryMessage(failingText), [reply], undefined)) {
    await settle(conversation, server)
  }
}
