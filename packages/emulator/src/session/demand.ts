import type { Conversation } from './conversation.ts'
import type { Mark, Plan, Refusal } from './plan.ts'

/** What a unit asks for, taken together. */
export interface Demand {
  readonly forwards: boolean
  readonly refusal: Refusal | undefined
  readonly reads: boolean
  /** COMMIT or ROLLBACK is among it. */
  readonly ends: boolean
  /** It opens a transaction itself, and declares it READ ONLY. */
  readonly opensReadOnly: boolean
}

/** Where a unit goes. */
export type Route =
  | { readonly to: 'standby' }
  | { readonly to: 'primary'; readonly crosses: boolean }
  | { readonly to: 'refused'; readonly refusal: Refusal }

/** Whether it is forwarded, SQL's EXECUTE looked up under the names that the session has prepared. */
export function forwards(conversation: Conversation, plan: Plan): boolean {
  return (
    plan.forwards ||
    plan.marks.some(
      (mark) => mark.type === 'execute' && conversation.prepared.statement(mark.name)?.plan.forwards === true,
    )
  )
}

export function demandOf(conversation: Conversation, plans: readonly Plan[]): Demand {
  const marks: Mark[] = []
  for (const plan of plans) if (plan.marks.length > 0) marks.push(...plan.marks)
  return {
    forwards: plans.some((plan) => forwards(conversation, plan)),
    refusal: plans.find(({ refusal }) => refusal)?.refusal,
    reads: plans.some(({ reads }) => reads),
    ends: marks.some(({ type }) => type === 'end'),
    opensReadOnly: marks.some((mark) => mark.type === 'begin' && mark.readOnly),
  }
}

/** Decides by verdicts and by where the transaction stands; what forwards is in the support table alone. */
export function routeOf(conversation: Conversation, demand: Demand): Route {
  const { transaction, failed } = conversation
  const { refusal, ends } = demand
  const readOnly = transaction ? transaction.readOnly : demand.opensReadOnly
  // An aborted transaction answers 25P02 where it is: nothing needs to cross for that.
  const forwarded = demand.forwards && !readOnly && !failed
  const onPrimary = conversation.holder.role === 'primary'
  if (refusal && (!refusal.byStandby || onPrimary || forwarded)) return { to: 'refused', refusal }
  if (forwarded) return { to: 'primary', crosses: true }
  return onPrimary ? { to: 'primary', crosses: ends && transaction?.moved === true } : { to: 'standby' }
}
