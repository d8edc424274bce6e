import type { Backend } from '../backend/backend.ts'
import type { Message } from '../wire/frontend-framer.ts'
import type { Conversation } from './conversation.ts'
import { awaitConsistency, takesSnapshot, tookSnapshot } from './await-consistency.ts'
import { cross, heedCancel, reachPrimary } from './cross.ts'
import { crossingTexts, isEnd } from './crossing-texts.ts'
import { demandOf, endingOf, routeOf } from './demand.ts'
import { endBatch, failingBatch, makeBatches, type Batch } from './extended-batch.ts'
import { readSteps, type Step } from './extended-steps.ts'
import { judgeCalls, mayCallOthers } from './judge-calls.ts'
import { runForClient, syncForClient, tellLoss, type Ending } from './lost-primary.ts'
import { NotForwarded } from './not-forwarded.ts'
import type { Plan } from './plan.ts'
import { flushed, ready, settle } from './settle.ts'
import { teachNamed } from './teach-named.ts'

/** What a unit's last batch may do, which takes its Sync along, and what those before it. */
interface Endings {
  readonly last: Ending
  readonly before: Ending
}

const nothingEnds: Endings = { last: undefined, before: undefined }

/** Answers extended messages up to Sync, or up to Flush. */
export async function performExtended(
  conversation: Conversation,
  messages: readonly Message[],
  synced: boolean,
): Promise<void> {
  if (conversation.skipping || messages.length === 0) {
    if (synced) await answerSync(conversation)
    return
  }
  const steps = readSteps(conversation, messages)
  const notTaken = await beforeSnapshot(conversation, steps)
  if (!notTaken) await judgeSteps(conversation, steps)
  const cut = notTaken ? undefined : cutOf(conversation, steps)
  if (cut !== undefined) {
    await performExtended(conversation, messages.slice(0, cut), false)
    return performExtended(conversation, messages.slice(cut), synced)
  }
  const executed = plansOf(steps, 'execute')
  // Bind opens the portal: where its statement will run, and with the snapshot that it will read by. It alone does not cross yet.
  const opened = [...executed, ...plansOf(steps, 'bind')]
  const demand = demandOf(conversation, [...opened, ...plansOf(steps, 'parse').filter(isRefused)])
  const route = routeOf(conversation, { ...demand, reads: executed.some(({ reads }) => reads) })
  const started = performance.now()
  let target = conversation.holder
  let batches: Batch[]
  let endings: Endings = {
    last: endingOf(conversation, executed, synced),
    before: endingOf(conversation, executed, false),
  }
  try {
    if (notTaken) throw notTaken
    if (route.to === 'primary') {
      target = await reachPrimary(conversation)
      const texts = crossingTexts(conversation, steps)
      if (route.crosses && texts.length > 0) await cross(conversation, texts)
    } else if (route.to === 'standby' && opened.some(({ reads }) => reads))
      await awaitConsistency(conversation, opened)
    if (route.to === 'refused' && demand.forwards && !conversation.failed)
      target = await reachPrimary(conversation)
    await teachNamed(
      conversation,
      target,
      executed.flatMap(({ marks }) => marks),
    )
    heedCancel(conversation)
    batches = makeBatches(conversation, steps, target)
  } catch (error) {
    if (!(error instanceof NotForwarded)) {
      await tellLoss(conversation, error, undefined)
      return finish(conversation, target, false, synced)
    }
    target = conversation.holder
    batches = [failingBatch(target, error.response)]
    endings = nothingEnds
  }
  const crossing = conversation.crossing
  const alive = await runBatches(conversation, batches, synced, endings)
  if (crossing && route.to === 'primary' && route.crosses) crossing.waitedMs += performance.now() - started
  if (executed.some(({ reads }) => reads)) tookSnapshot(conversation, target)
  await finish(conversation, target, alive, synced)
}

/** Parse and Bind take a snapshot too, and so does asking what is called. @returns why the wait for it came to nothing. */
async function beforeSnapshot(
  conversation: Conversation,
  steps: readonly Step[],
): Promise<NotForwarded | undefined> {
  const plans = steps.flatMap(({ statement }) => statement?.plan ?? [])
  if (!plans.some((plan) => takesSnapshot(conversation, plan))) return undefined
  if (demandOf(conversation, [...plansOf(steps, 'execute'), ...plansOf(steps, 'bind')]).forwards)
    return undefined
  try {
    await awaitConsistency(conversation, plans)
    return undefined
  } catch (error) {
    if (error instanceof NotForwarded) return error
    throw error
  }
}

/** Asks what the statements call whose names leave that open; those of portals that are open already were asked about. */
async function judgeSteps(conversation: Conversation, steps: readonly Step[]): Promise<void> {
  const { prepared } = conversation
  // The question would destroy the portal without a name.
  if (prepared.portals.has('') && !steps.some(({ kind, name }) => kind === 'bind' && name === '')) return
  const asked = new Set<unknown>()
  for (const { kind, statement } of steps) {
    if (!statement || (kind !== 'parse' && kind !== 'bind') || asked.has(statement)) continue
    asked.add(statement)
    if (!mayCallOthers(conversation, statement.plan)) continue
    const { sql, types } = statement
    const alone = !steps.some((step) => step.statement?.plan.marks.some(({ type }) => type === 'setting'))
    const byName = conversation.endpoint.planner.plan(sql)
    statement.plan = await judgeCalls(conversation, sql, byName, { types, alone })
  }
}

/** A batch that ends an aborted transaction, or one of the standby and then writes, runs in two parts. */
function cutOf(conversation: Conversation, steps: readonly Step[]): number | undefined {
  const cut = 1 + steps.findIndex((step) => step.kind === 'execute' && isEnd(step))
  if (cut === 0 || cut === steps.length || !conversation.transaction) return undefined
  if (conversation.failed) return cut
  if (!demandOf(conversation, plansOf(steps.slice(cut), 'execute')).forwards) return undefined
  const first = demandOf(conversation, plansOf(steps.slice(0, cut), 'execute'))
  return routeOf(conversation, first).to === 'standby' ? cut : undefined
}

/** Runs the batches one after another, up to the first error. @returns false if the primary was lost over it. */
async function runBatches(
  conversation: Conversation,
  batches: readonly Batch[],
  synced: boolean,
  endings: Endings,
): Promise<boolean> {
  const { sink, unsynced } = conversation
  for (const [index, batch] of batches.entries()) {
    const last = synced && index === batches.length - 1
    unsynced.add(batch.server)
    conversation.unitSynced = last
    const { bytes, replies } = endBatch(batch, last)
    const ending = last ? endings.last : endings.before
    if (!(await runForClient(conversation, batch.server, bytes, replies, ending))) return false
    if (last) {
      unsynced.delete(batch.server)
      if (batch.server.role === 'primary') conversation.unsyncedWork = 'none'
    }
    if (sink.failed) return true
  }
  return true
}

async function finish(
  conversation: Conversation,
  target: Backend,
  alive: boolean,
  synced: boolean,
): Promise<void> {
  if (!synced) {
    conversation.skipping = conversation.sink.failed
    return flushed(conversation)
  }
  if ((await syncForClient(conversation)) && alive) await settle(conversation, target)
  await ready(conversation)
}

/** A Sync with nothing before it, or after an error in a part that was flushed. */
async function answerSync(conversation: Conversation): Promise<void> {
  const { unsynced, sink, holder } = conversation
  const open = unsynced.size > 0
  sink.failed = conversation.skipping
  conversation.skipping = false
  if ((await syncForClient(conversation)) && open) await settle(conversation, holder)
  await ready(conversation)
}

function plansOf(steps: readonly Step[], kind: Step['kind']): Plan[] {
  return steps.flatMap((step) => (step.kind === kind && step.statement ? [step.statement.plan] : []))
}

function isRefused({ refusals }: Plan): boolean {
  return refusals.some(({ byStandby }) => !byStandby)
}
