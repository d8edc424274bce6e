import { CrossingCount } from '../crossings/crossing-count.ts'
import type { ConsistencyMode } from '../options/options.ts'
import type { TransactionSettings } from '../options/transaction-settings.ts'
import type { CallSite } from '../transaction/call-site.ts'
import { frameRunningHere, scopeRunningInside } from '../transaction/context.ts'
import type { Frame } from '../transaction/frame.ts'
import { chart, type Course } from '../transaction/propagation.ts'
import { readOnlyAround } from '../transaction/read-only-verdicts.ts'
import { RootTransaction } from '../transaction/root-transaction.ts'
import { SavepointScope, Scope } from '../transaction/scope.ts'
import { SiblingQueue } from '../transaction/sibling-queue.ts'
import {
  alreadyComplete,
  levelTooWeak,
  nestingRefused,
  notAgain,
  notDurable,
  otherConsistency,
  otherTarget,
  targetWithoutRoute,
} from '../transaction/verdicts.ts'
import { blockHere } from '../routing/blocks.ts'
import type { RouteChoice } from '../routing/choice.ts'
import type { Instance } from './instance.ts'
import type { KnexTransaction } from './internals.ts'
import { requestAround, requestOf } from './request-sessions.ts'
import type { Route } from './route.ts'
import { stateOf, transactionBehind, type TransactionState } from './transaction-state.ts'

/** What a call of `transaction()` comes to. */
export interface Opening {
  readonly course: Course
  /** The transaction it was asked for in, explicitly or by where it was called. */
  readonly around: KnexTransaction | undefined
}

/** @throws TransactionOptionsError */
export function chartOpening(
  instance: Instance,
  explicit: KnexTransaction | undefined,
  { propagation = 'required', target }: TransactionSettings,
): Opening {
  if (target !== undefined && !instance.route) throw targetWithoutRoute(target)
  const around = explicit ? innermostRunning(explicit) : ambientTransaction(instance)
  return { course: chart(propagation, around && stateOf(around).frame), around }
}

/** The transaction that the caller runs in, where the instance is to find it by itself. */
export function ambientTransaction(instance: Instance): KnexTransaction | undefined {
  if (!instance.settings.ambient) return undefined
  const frame = frameRunningHere(instance)
  return frame && transactionBehind(frame)
}

/** A sibling asked for from inside a running scope could only wait for that scope, which waits for it. */
function innermostRunning(transaction: KnexTransaction): KnexTransaction {
  const inner = scopeRunningInside(stateOf(transaction).frame)
  return (inner && transactionBehind(inner)) ?? transaction
}

/** The state of a new root. */
export function rootState(
  instance: Instance,
  asked: TransactionSettings,
  site: CallSite,
  suspends: ReadonlySet<RootTransaction> | undefined,
): TransactionState {
  const { consistency } = blockHere()
  const settings =
    consistency === undefined ? asked : { ...asked, consistency: asked.consistency ?? consistency }
  const frame = new RootTransaction(instance, settings, site)
  frame.blockMode = consistency
  const choice =
    instance.route && !instance.testing ? choiceOf(instance.route, instance, settings) : undefined
  frame.chosen = choice?.target
  frame.target = choice && instance.route!.pools.whereIs(choice.target)
  frame.consistency = settings.consistency ?? instance.settings.consistency
  const request = requestOf(instance)
  frame.isInRequest = request !== undefined
  frame.crossings = new CrossingCount(frame, instance.crossings, requestAround(instance)?.scope.crossings)
  return { frame, instance, settings, choice, request, siblings: undefined, suspends }
}

/** Where a root of a routed instance is to run. */
function choiceOf(
  { strategy }: Route,
  { settings: { nested } }: Instance,
  settings: TransactionSettings,
): RouteChoice {
  if (settings.target === undefined && blockHere().onWriter) return { target: 'writer', reason: 'block' }
  return strategy.forRoot({ ...settings, savepoints: nested === 'escalate' && settings.readOnly !== true })
}

/** The state of a new scope. @throws FlattenError where it cannot be one, which then has ended. */
export function scopeState(
  instance: Instance,
  around: KnexTransaction,
  settings: TransactionSettings,
  site: CallSite,
  patienceMs: number,
): TransactionState {
  const outer = stateOf(around)
  const own = wantsSavepoint(instance, settings)
  const frame = new (own ? SavepointScope : Scope)(outer.frame, settings, site)
  const refusal = refuseScope(instance, frame, outer.frame, settings)
  if (refusal) {
    frame.end()
    throw refusal
  }
  const siblings = (outer.scopes ??= new SiblingQueue(outer.frame, patienceMs))
  return { frame, instance, settings, siblings }
}

function wantsSavepoint({ settings }: Instance, { savepoint, propagation }: TransactionSettings): boolean {
  return savepoint || (settings.nested === 'escalate' && asksToNest(propagation))
}

/** Knex's own meaning of a transaction on a transaction; whoever says `required` has said that joining will do. */
function asksToNest(propagation: TransactionSettings['propagation']): boolean {
  return propagation === undefined || propagation === 'nested'
}

export function refuseScope(
  { settings: { nested } }: Pick<Instance, 'settings'>,
  scope: Frame,
  around: Frame,
  {
    durable,
    retry,
    readOnly,
    isolationLevel,
    propagation,
    savepoint,
    target,
    consistency,
  }: TransactionSettings,
): Error | undefined {
  if (around.ended) return alreadyComplete(scope, around)
  if (durable) return notDurable(scope, around)
  if (retry) return notAgain(scope, around)
  if (nested === 'throw' && asksToNest(propagation) && !savepoint) return nestingRefused(scope, around)
  const { target: given, chosen } = around.root
  // In a test everything runs in one place; and where a reader was asked for, the writer may have had to do.
  if (target !== undefined && given !== undefined && target !== given && target !== chosen) {
    return otherTarget(scope, around.root, target)
  }
  if (consistency !== undefined && !isPromised(consistency, around.root.consistency)) {
    return otherConsistency(scope, around.root, consistency)
  }
  if (readOnly === false && around.readOnly) return readOnlyAround(scope, around)
  return isolationLevel !== undefined && isStronger(isolationLevel, around.root.isolationLevel)
    ? levelTooWeak(scope, around.root, isolationLevel)
    : undefined
}

/** Whether what a root promises is at least what is asked. */
export function isPromised(asked: ConsistencyMode, given: ConsistencyMode | undefined): boolean {
  if (asked === given) return true
  return given !== undefined && promises.includes(asked) && promises.indexOf(asked) < promises.indexOf(given)
}

/** The modes in which writes are forwarded, each with what those before it promise. */
const promises: readonly ConsistencyMode[] = ['eventual', 'session', 'global']

export function isStronger(asked: string, given: string | undefined): boolean {
  return strength(asked) > strength(given)
}

/** PostgreSQL's levels, which are three; a root that says nothing is taken to have its default. */
function strength(isolationLevel: string | undefined): number {
  switch (isolationLevel) {
    case 'serializable':
      return 2
    case 'repeatable read':
    case 'snapshot':
      return 1
    default:
      return 0
  }
}
