import type { Conversation } from './conversation.ts'
import type { Ending } from './lost-primary.ts'
import type { Mark, Plan, Refusal } from './plan.ts'

/** What a unit asks for, taken together. */
export interface Demand {
  readonly forwards: boolean
  readonly refusals: readonly Refusal[]
  readonly reads: boolean
  /** COMMIT or ROLLBACK is among it. */
  readonly ends: boolean
  /** It opens a transaction itself, READ ONLY, before it would write. */
  readonly opensReadOnly: boolean
}

/**
 * What a unit may do to the work that is open where it runs.
 *
 * @param synced nothing of it waits for a Sync: outside a transaction block, what it did is committed when it is answered.
 */
export function endingOf(conversation: Conversation, plans: readonly Plan[], synced: boolean): Ending {
  const { transaction, failed, unsyncedWork } = conversation
  if (plans.some(({ commitsItself }) => commitsItself === 'always')) return 'commit'
  const statements = plans.flatMap(({ marksOf }) => marksOf)
  let [open, aborted, rolls, loose] = [transaction !== undefined, failed, false, unsyncedWork !== 'none']
  for (const marks of statements.map((each) => withNamed(conversation, each))) {
    const end = marks.find((mark) => mark.type === 'end')
    if (end?.commit && !aborted) return 'commit'
    if (end) [open, aborted, rolls, loose] = [end.chain && open, false, true, false]
    else if (marks.some(({ type }) => type === 'begin')) open = true
    else loose = true
  }
  if (!open && loose && (synced || plans.some(({ commitsItself }) => commitsItself !== 'no'))) return 'commit'
  return rolls ? 'rollback' : undefined
}

/** SQL's EXECUTE runs whatever the protocol has prepared, a COMMIT too. */
function withNamed({ prepared }: Conversation, marks: readonly Mark[]): readonly Mark[] {
  return marks.flatMap((mark) =>
    mark.type === 'execute' ? (prepared.statement(mark.name)?.plan.marks ?? mark) : mark,
  )
}

/** Where a unit goes. */
export type Route =
  | { readonly to: 'standby' }
  | { readonly to: 'primary'; readonly crosses: boolean }
  | { readonly to: 'refused'; readonly refusal: Refusal }

/**
 * Whether it is forwarded, SQL's EXECUTE looked up under the names that the session has prepared.
 *
 * @param made what was prepared before it in the same unit; it is added to.
 */
export function forwards(
  conversation: Conversation,
  plan: Plan,
  made: Map<string, boolean> = new Map(),
): boolean {
  let executed = false
  for (const mark of plan.marks) {
    if (mark.type === 'prepare') made.set(mark.name, mark.inner.forwards)
    if (mark.type === 'execute') executed ||= executes(conversation, mark.name, made)
  }
  return plan.forwards || executed
}

function executes({ prepared }: Conversation, name: string, made: ReadonlyMap<string, boolean>): boolean {
  return made.get(name) ?? prepared.statement(name)?.plan.forwards === true
}

/** Whether a text opens a READ ONLY transaction, and does so before an EXECUTE that is forwarded. */
function opensReadOnly(
  conversation: Conversation,
  plan: Plan | undefined,
  made: ReadonlyMap<string, boolean>,
): boolean {
  if (!plan?.opensReadOnly) return false
  let opened = false
  for (const mark of plan.marks) {
    if (mark.type === 'begin') opened = mark.readOnly
    else if (mark.type === 'end') opened = false
    else if (mark.type === 'execute' && executes(conversation, mark.name, made)) return opened
  }
  return true
}

export function demandOf(conversation: Conversation, plans: readonly Plan[]): Demand {
  const made = new Map<string, boolean>()
  const firstForwarded = plans.findIndex((plan) => forwards(conversation, plan, made))
  const before = firstForwarded < 0 ? plans : plans.slice(0, firstForwarded + 1)
  // The last word on it counts: a BEGIN that is ended again opens nothing.
  const opening = before.findLast(({ marks }) => marks.some(({ type }) => type === 'begin' || type === 'end'))
  return {
    forwards: firstForwarded >= 0,
    refusals: plans.flatMap(({ refusals }) => refusals),
    reads: plans.some(({ reads }) => reads),
    ends: plans.some(({ marks }) => marks.some(({ type }) => type === 'end')),
    opensReadOnly: opensReadOnly(conversation, opening, made),
  }
}

/**
 * Whether it is the emulator that refuses. What a plain standby refuses too is left to the standby, as long as it gets there;
 * savepoints may be assumed to be refused no sooner than something was forwarded.
 */
export function isRefusedNow(
  { endpoint, forwarding }: Conversation,
  refusal: Refusal,
  onPrimary: boolean,
): boolean {
  if (onPrimary) return true
  // A session that forwards nothing is one on a plain standby.
  if (!forwarding) return false
  if (refusal.rule === 'savepoint' && endpoint.assumptions['savepoint-refusal'] === 'after-forwarding')
    return false
  return !refusal.byStandby
}

/** Decides by verdicts and by where the transaction stands; what forwards is in the support table alone. */
export function routeOf(conversation: Conversation, demand: Demand): Route {
  const { transaction, failed, forwarding } = conversation
  const { ends } = demand
  const readOnly = transaction ? transaction.readOnly : demand.opensReadOnly
  // An aborted transaction answers 25P02 where it is: nothing needs to cross for that.
  const forwarded = demand.forwards && forwarding && !readOnly && !failed
  const onPrimary = conversation.holder.role === 'primary'
  const refusal = demand.refusals.find((each) => isRefusedNow(conversation, each, onPrimary || forwarded))
  if (refusal) return { to: 'refused', refusal }
  if (forwarded) return { to: 'primary', crosses: true }
  return onPrimary ? { to: 'primary', crosses: ends && transaction?.moved === true } : { to: 'standby' }
}
