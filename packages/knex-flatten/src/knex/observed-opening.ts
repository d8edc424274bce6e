import { TransactionOptionsError } from '../errors/errors.ts'
import { FlattenError } from '../errors/flatten-error.ts'
import type { ObservationLog } from '../observe/observation-log.ts'
import { watchWait } from '../observe/long-wait.ts'
import { Shadow } from '../observe/shadow.ts'
import { checkTransactionOptions, type TransactionSettings } from '../options/transaction-settings.ts'
import { runInside, scopeRunningInside } from '../transaction/context.ts'
import { RootTransaction } from '../transaction/root-transaction.ts'
import { Scope } from '../transaction/scope.ts'
import type { Instance } from './instance.ts'
import type { Container, KnexTransaction } from './internals.ts'
import { observeTransaction } from './observed-transaction.ts'
import { rememberWatch, type Watch, watchOf } from './observed-state.ts'
import type { Request } from './open-transaction.ts'
import { patienceOf } from './handed-pool.ts'
import { refuseScope } from './opening.ts'
import { hollowOut } from './shell.ts'

/** Opens a transaction in Knex's own way, and keeps an eye on it. */
export function openObserved(
  instance: Instance,
  log: ObservationLog,
  request: Request,
  make: (container: Container) => KnexTransaction,
): KnexTransaction {
  let settings: TransactionSettings
  try {
    settings = checkTransactionOptions(request.config)
    refuseUnobservable(settings)
  } catch (refusal) {
    if (!(refusal instanceof FlattenError)) throw refusal
    return hollowOut(make(request.container), () => Promise.reject(refusal))
  }
  const watch = request.explicit
    ? watchScope(instance, request, request.explicit, settings)
    : watchRoot(instance, log, request, settings)
  try {
    const transaction = make(watched(watch, request.container))
    rememberWatch(transaction, watch)
    observeTransaction(transaction)
    return transaction
  } catch (error) {
    // Knex refuses an isolation level it does not know at once.
    watch.frame.end()
    watch.stopWaiting?.()
    throw error
  }
}

/** @throws TransactionOptionsError for what only a flattened instance can give, and Knex would silently not. */
function refuseUnobservable({ propagation, retry, savepoint }: TransactionSettings): void {
  const asked =
    (retry && 'retry') ??
    (savepoint ? 'savepoint' : undefined) ??
    (propagation !== undefined && propagation !== 'required' && propagation !== 'nested'
      ? `propagation '${propagation}'`
      : undefined)
  if (asked === undefined) return
  throw new TransactionOptionsError(
    `transaction(): this instance is only observed ({ nested: 'observe' }), and Knex itself has no ${asked}. ` +
      'Drop it for as long, or let the instance flatten.',
  )
}

function watchRoot(
  owner: Instance,
  log: ObservationLog,
  { site }: Request,
  settings: TransactionSettings,
): Watch {
  const frame = new RootTransaction(owner, settings, site)
  return { frame, shadow: new Shadow(frame, log), callbackReturned: false, dead: false }
}

function watchScope(
  instance: Instance,
  { client, site }: Request,
  explicit: KnexTransaction,
  settings: TransactionSettings,
): Watch {
  const { frame: around, shadow } = watchOf(explicit)
  const siblings = around.openScopes.size
  const frame = new Scope(around, settings, site)
  const watch: Watch = { frame, shadow, callbackReturned: false, dead: false }
  if (!around.ended && refuseScope(instance, frame, around, settings)) {
    shadow.tell({ kind: 'option-ignored', frame })
  }
  if (scopeRunningInside(around)) {
    shadow.tell({ kind: 'sibling-inside-scope', frame })
  } else if (siblings > 0) {
    watch.stopWaiting = watchWait(frame, patienceOf(client), () =>
      shadow.tell({ kind: 'scope-waits-in-vain', frame }),
    )
  }
  return watch
}

/** The callback, with which a transaction is ended by whoever is heard first: by itself, or by Knex once it has returned. */
function watched(watch: Watch, container: Container): Container {
  const returned = (): void => {
    watch.callbackReturned = true
  }
  const run = (transactor: unknown): unknown => {
    const result = container(transactor)
    if (result instanceof Promise) result.then(returned, returned)
    // Anything else that can be awaited may start only then, and must not be started twice.
    else if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function') returned()
    return result
  }
  // Only a scope is ever looked for, and following the context costs every promise.
  return watch.frame.parent ? (transactor) => runInside(watch.frame, () => run(transactor)) : run
}
