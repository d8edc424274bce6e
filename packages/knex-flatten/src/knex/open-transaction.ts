import { FlattenError } from '../errors/flatten-error.ts'
import { checkTransactionOptions, type TransactionSettings } from '../options/transaction-settings.ts'
import type { CallSite } from '../transaction/call-site.ts'
import { rootsAround } from '../transaction/context.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import { heedForgetting, inside, onceBegun } from './callback.ts'
import { flattenTransaction } from './flat-transaction.ts'
import type { Instance } from './instance.ts'
import type { Container, KnexClient, KnexTransaction, KnexTransactionConfig } from './internals.ts'
import { patienceOf } from './handed-pool.ts'
import { chartOpening, rootState, scopeState } from './opening.ts'
import { refuseWithoutCallback, runAgain } from './run-again.ts'
import { hollowOut } from './shell.ts'
import { stateOf, transactionBehind, type TransactionState } from './transaction-state.ts'
import { runWithoutTransaction } from './without-transaction.ts'

/** A call of `transaction()`, as it reaches the client. */
export interface Request {
  readonly client: KnexClient
  /** The transaction it was called on, if it was one. */
  readonly explicit: KnexTransaction | undefined
  readonly container: Container
  readonly config: KnexTransactionConfig | undefined
  readonly site: CallSite
}

/** Makes a transaction in Knex's own way. */
export type Make = (
  client: KnexClient,
  container: Container,
  config: KnexTransactionConfig | undefined,
  around?: KnexTransaction,
) => KnexTransaction

/** Opens what a call comes to: a scope, a root, a root that may be run again, or none. What is refused is rejected. */
export function openTransaction(instance: Instance, request: Request, make: Make): KnexTransaction {
  const hollow = (course: (shell: KnexTransaction) => Promise<unknown>): KnexTransaction => {
    const shell: KnexTransaction = hollowOut(make(request.client, request.container, request.config), () =>
      course(shell),
    )
    return shell
  }
  let settings: TransactionSettings
  try {
    settings = checkTransactionOptions(request.config)
    const { course, around } = chartOpening(instance, request.explicit, settings)
    if (course === 'join') return openScope(instance, request, settings, around!, make)
    const own = onTheInstance(request)
    if (course === 'without') {
      return hollow((shell) =>
        runWithoutTransaction(instance, shell, own.container, own.config?.userParams ?? {}),
      )
    }
    const refusal = instance.testing?.refuseRoot(
      settings,
      suspendedBy(instance, request.explicit),
      request.site,
    )
    if (refusal) throw refusal
    const { retry } = settings
    if (!retry) return openRoot(instance, own, settings, make)
    refuseWithoutCallback(own.container)
    return hollow((shell) => runAgain(retry, shell, () => openRoot(instance, own, settings, make)))
  } catch (refusal) {
    if (!(refusal instanceof FlattenError)) throw refusal
    return hollow(() => Promise.reject(refusal))
  }
}

/** What was asked for on a transaction, but is to stand on its own, as if it had been asked for on its instance. */
function onTheInstance(request: Request): Request {
  const { explicit, config } = request
  if (!explicit) return request
  const { client, userParams } = transactionBehind(stateOf(explicit).frame.root) ?? explicit
  return { ...request, client, config: { ...config, userParams } }
}

function openScope(
  instance: Instance,
  { client, container, config, site }: Request,
  settings: TransactionSettings,
  around: KnexTransaction,
  make: Make,
): KnexTransaction {
  const patienceMs = patienceOf(client)
  const state = scopeState(instance, around, settings, site, patienceMs)
  const run = inside(state.frame, heedForgetting(state, container, patienceMs))
  // Knex's own queue would wait for ever; ours is in the state.
  around._lastChild = Promise.resolve()
  return flattened(state, () => make(around.trxClient, run, config, around))
}

function openRoot(
  instance: Instance,
  { client, explicit, container, config, site }: Request,
  settings: TransactionSettings,
  make: Make,
): KnexTransaction {
  const suspends = settings.propagation === 'requires-new' ? suspendedBy(instance, explicit) : undefined
  const state = rootState(instance, settings, site, suspends)
  instance.testing?.roots.add(state.frame.root)
  // Where nobody looks for it, it need not be found: following the context costs every promise of the process.
  const found = instance.settings.ambient || instance.testing
  const heeded = heedForgetting(state, container, patienceOf(client))
  const run = onceBegun(state, found ? inside(state.frame, heeded) : heeded)
  return flattened(state, () => make(client, run, config))
}

/** The roots that wait for one beside them, explicitly or by where it is asked for, and those that wait for these. */
function suspendedBy(
  instance: Instance,
  explicit: KnexTransaction | undefined,
): ReadonlySet<RootTransaction> {
  const roots = rootsAround(instance)
  const root = explicit && stateOf(explicit).frame.root
  if (!root) return roots
  return new Set([root, ...roots, ...(suspendsOf(root) ?? [])])
}

function suspendsOf(root: RootTransaction): ReadonlySet<RootTransaction> | undefined {
  const transaction = transactionBehind(root)
  return transaction && stateOf(transaction).suspends
}

function flattened(state: TransactionState, make: () => KnexTransaction): KnexTransaction {
  try {
    const transaction = make()
    flattenTransaction(transaction, state)
    return transaction
  } catch (error) {
    // Knex refuses an isolation level it does not know at once.
    state.frame.end()
    throw error
  }
}
