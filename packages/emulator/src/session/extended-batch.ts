import type { Backend } from '../backend/backend.ts'
import type { Reply } from '../backend/reply.ts'
import { closeStatementMessage, flushMessage, parseMessage, syncMessage } from '../wire/build.ts'
import { errorResponse } from '../wire/error-response.ts'
import type { Conversation } from './conversation.ts'
import { crossAlong, isEnd } from './crossing-texts.ts'
import { forwards, isRefusedNow } from './demand.ts'
import { errorOf, recordRefusal } from './errors.ts'
import type { Plan, Refusal } from './plan.ts'
import type { Step } from './extended-steps.ts'
import { failingText, idleText, refusalResponse } from './refusal.ts'
import { takeIn } from './settle.ts'
import { withEdits } from './standby-text.ts'
import { wrongSetting } from './wrong-setting.ts'

/** Messages for one server, and what they are to be answered with. */
export interface Batch {
  readonly server: Backend
  readonly messages: Buffer[]
  readonly replies: Reply[]
}

/** Makes what is sent of a unit: as a rule one batch; more only where portals are open on the other server. */
export function makeBatches(conversation: Conversation, steps: readonly Step[], target: Backend): Batch[] {
  const batches: Batch[] = []
  let ending = false
  let open = conversation.transaction !== undefined
  const taught = new Map<Backend, Set<unknown>>()
  for (const [at, step] of steps.entries()) {
    const server = step.boundTo ?? target
    let batch = batches.at(-1)
    if (batch?.server !== server) {
      batch = { server, messages: [], replies: [] }
      batches.push(batch)
    }
    let lessons = taught.get(server)
    if (!lessons) taught.set(server, (lessons = new Set()))
    const behind = steps.slice(at + 1)
    if (addStep(conversation, batch, { step, behind }, lessons, ending, open)) break
    for (const { type } of step.statement?.plan.marks ?? []) {
      if (type === 'end') [ending, open] = [true, false]
      else if (type === 'begin') open = true
    }
  }
  return batches
}

/** Ends a batch: with the client's Sync, or with a Flush, which leaves the implicit transaction and its portals open. */
export function endBatch(batch: Batch, synced: boolean): { bytes: Buffer; replies: readonly Reply[] } {
  batch.messages.push(synced ? syncMessage : flushMessage)
  // A parameter that the unit has changed is told of before the ReadyForQuery.
  if (synced) batch.replies.push({ kind: 'sync', hidden: false })
  return { bytes: Buffer.concat(batch.messages), replies: batch.replies }
}

/** A batch that only fails, with an error of the emulator's own. */
export function failingBatch(server: Backend, response: Buffer): Batch {
  const batch: Batch = { server, messages: [], replies: [] }
  addFailing(batch, () => response)
  return batch
}

function addFailing({ server, messages, replies }: Batch, response: () => Buffer): void {
  messages.push(parseMessage('', failingText))
  const onError = () => {
    server.known.delete('')
    return response()
  }
  replies.push({ kind: 'parse', hidden: false, onError })
}

/** @returns whether the step was refused: the server skips what follows. */
function addStep(
  conversation: Conversation,
  batch: Batch,
  { step, behind }: { readonly step: Step; readonly behind: readonly Step[] },
  lessons: Set<unknown>,
  ending: boolean,
  open: boolean,
): boolean {
  const { server, messages, replies } = batch
  const { kind, statement, message } = step
  const plan = statement?.plan
  const refusal = refusalOf(conversation, step, server)

  const refused = refusal !== undefined && kind === 'parse' && !refusal.byStandby
  const dropped = () => {
    if (kind === 'parse') conversation.prepared.parseFailed(step.name, server)
  }
  if (refused && conversation.failed && !ending) {
    messages.push(parseMessage('', idleText))
    const onError = (error: Buffer) => {
      server.known.delete('')
      dropped()
      return error
    }
    replies.push({ kind, hidden: false, onError })
    return true
  }
  if (refusal && (refused || kind === 'execute')) {
    addFailing(batch, () => {
      dropped()
      recordRefusal(conversation, refusal)
      return refusalResponse(refusal, conversation.endpoint)
    })
    return true
  }

  const wrong = kind === 'execute' && plan && !conversation.failed && wrongSetting(conversation, plan, open)
  if (wrong) {
    addFailing(batch, () => wrong)
    return true
  }
  if (statement && step.openOn && step.openOn !== server && !conversation.failed) {
    // The server itself would not mind: it is the other one that has the portal.
    addFailing(batch, () => duplicateCursor(step.name))
    return true
  }
  teachFor(conversation, batch, step, lessons)
  messages.push(kind === 'parse' && statement?.parseFor ? statement.parseFor(server.role) : message)
  const onPrimary = kind === 'execute' && server.role === 'primary'
  const forwarded = onPrimary && statement && forwards(conversation, statement.plan)
  const told = errorOf(conversation, plan, forwarded ? statement.sql : undefined)
  const onError = (error: Buffer) => {
    dropped()
    return told(error)
  }
  const onDone = () => {
    takeInStep(conversation, server, step)
    if (onPrimary && isEnd(step)) crossAlong(conversation, behind)
  }
  replies.push({ kind, hidden: false, onDone, onError })
  return false
}

function duplicateCursor(name: string): Buffer {
  return errorResponse({ severity: 'ERROR', sqlstate: '42P03', message: `cursor "${name}" already exists` })
}

function refusalOf(conversation: Conversation, step: Step, server: Backend): Refusal | undefined {
  const { statement, inParts } = step
  if (!statement || !inParts || !conversation.forwarding || !conversation.endpoint.planner.refusesParts) {
    return statement?.plan.refusals.find((each) =>
      isRefusedNow(conversation, each, server.role === 'primary'),
    )
  }
  const words = 'an Execute with a row limit'
  return { rule: 'portal-fetch', statement: statement.sql, words, byStandby: false, at: 0, inBlock: false }
}

/** Makes the server hold the statement that a step uses, if only the other server does. */
function teachFor({ prepared }: Conversation, batch: Batch, step: Step, lessons: Set<unknown>): void {
  const { server, messages, replies } = batch
  const { kind, uses, statement, taken } = step
  if (uses === undefined) return
  const used = kind === 'parse' ? taken : statement
  if (!used) {
    // The session has no statement of that name any more, but nobody told this server.
    if (!server.known.has(uses) || lessons.has(uses)) return
    lessons.add(uses)
    messages.push(closeStatementMessage(uses))
    replies.push({ kind: 'close', hidden: true, onDone: () => void server.known.delete(uses) })
    return
  }
  // What this very unit parses needs no lesson.
  if (prepared.statement(used.name) !== used || lessons.has(used)) return
  lessons.add(used)
  const lesson = prepared.teach(server, used)
  if (!lesson) return
  messages.push(...lesson.messages)
  replies.push(...lesson.replies)
}

function takeInStep(conversation: Conversation, server: Backend, step: Step): void {
  const { prepared } = conversation
  const { kind, statement, name, values } = step
  switch (kind) {
    case 'parse':
      if (statement) prepared.add(statement, server)
      break
    case 'bind':
      prepared.portals.set(name, { statement, backend: server, values: values ?? Buffer.alloc(0) })
      break
    case 'close':
      if (step.of === 'portal') prepared.portals.delete(name)
      else prepared.remove(name, server)
      break
    case 'execute':
      if (statement && statement.plan.marks.length > 0) {
        const { sql, types, plan } = statement
        // No portal outlives its transaction.
        if (plan.marks.some(({ type }) => type === 'end')) prepared.portals.clear()
        takeIn(conversation, server, plan.marks, values && { sql: withEdits(sql, plan.shown), types, values })
      }
      if (statement && server.role === 'primary') takeInWork(conversation, statement.plan)
      break
    case 'describe':
      break
  }
}

function takeInWork(conversation: Conversation, { marks, commitsItself }: Plan): void {
  if (conversation.transaction || marks.some(({ type }) => type === 'end')) conversation.unsyncedWork = 'none'
  else if (commitsItself !== 'no') conversation.unsyncedWork = 'unknown'
  else if (conversation.unsyncedWork === 'none') conversation.unsyncedWork = 'open'
}
