import { transactionInfoOf } from '../events/info.ts'
import { publish } from '../events/publish.ts'
import type { RouteChoice } from '../routing/choice.ts'
import { failedStatement } from '../transaction/failure.ts'
import type { RootTransaction } from '../transaction/root-transaction.ts'
import { endedBeforeBegin } from '../transaction/verdicts.ts'
import { enterMode, inMode, leaveMode } from './consistency-mode.ts'
import { asControl } from './control-statements.ts'
import { keepRoot, openRootOn, refuseForeignConnection } from './custody.ts'
import { endWith } from './ending.ts'
import { heedLoss } from './handed-pool.ts'
import { runHooksAfter } from './hooks-at-end.ts'
import type { Instance } from './instance.ts'
import type { Connection, KnexClient, KnexTransaction, KnexTransactionConfig } from './internals.ts'
import { LazyConnection } from './lazy-connection.ts'
import { refuseStarved, waitForConnection } from './starvation.ts'
import type { Taken } from './taken.ts'
import { type OpenRoot, rememberRoot, stateOf, type TransactionState } from './transaction-state.ts'

/** What Knex does on a connection, until it is to be given back. */
export type Run = (connection: Connection) => Promise<unknown>
/** Knex's own way to a connection, and back. */
export type Acquire = (config: KnexTransactionConfig | undefined, run: Run) => Promise<unknown>

/** A root from the pool to the pool, and what was to be done behind it. */
export async function runRoot(
  transaction: KnexTransaction,
  config: KnexTransactionConfig | undefined,
  callback: Run,
  acquire: Acquire,
): Promise<unknown> {
  const { client } = transaction
  const state = stateOf(transaction)
  const { root } = state.frame
  let held: OpenRoot | undefined
  const run: Run = (connection) =>
    keepRoot(root, client, connection, (open) => {
      held = open
      return callback(connection)
    })
  let end: Settlement
  try {
    refuseForeignConnection(root, config?.connection)
    const hold = state.instance.settings.lazyBegin && !config?.connection ? onDemand : atOnce
    end = { value: await hold(transaction, state, config, inItsMode(state, run), acquire) }
  } catch (error) {
    end = { error }
  }
  endWith(state)
  tellOutcome(root, end)
  if (root.hooks && held) await runHooksAfter(held, end, client, state.instance.capturing)
  if ('error' in end) throw end.error
  return end.value
}

function tellOutcome(root: RootTransaction, end: Settlement): void {
  // What never began has stored nothing either.
  const outcome = (root.outcome ??= 'rolled-back')
  publish('knex-flatten:outcome', () => ({
    transaction: transactionInfoOf(root),
    outcome,
    durationMs: performance.now() - root.openedAtMs,
    error: 'error' in end && outcome !== 'committed' ? end.error : undefined,
  }))
}

/** A root that asks for a mode has it from before BEGIN to behind its end; where BEGIN waits, {@link begin} sees to it. */
function inItsMode({ settings: { consistency }, instance }: TransactionState, run: Run): Run {
  if (consistency === undefined) return run
  return async (connection) => {
    if (!(connection instanceof LazyConnection)) await enterMode(connection, consistency)
    try {
      return await run(connection)
    } finally {
      const real = connection instanceof LazyConnection ? connection.real : connection
      if (real) await leaveMode(real, instance.settings.consistency)
    }
  }
}

/** How something has ended: with a value, or with an error. */
export type Settlement = { readonly value: unknown } | { readonly error: unknown }

function atOnce(
  { client }: KnexTransaction,
  state: TransactionState,
  config: KnexTransactionConfig | undefined,
  run: Run,
  acquire: Acquire,
): Promise<unknown> {
  if (config?.connection) return acquire(config, run)
  const got = waitForConnection(state, client)
  if (state.choice || state.request) return onItsPool(client, state, config, run, acquire, got)
  const acquired = acquire(config, (connection) => {
    got()
    return run(connection)
  })
  return state.suspends ? acquired.finally(got) : acquired
}

/** On a connection that this library takes, and gives back, where Knex has one pool only. */
async function onItsPool(
  client: KnexClient,
  state: TransactionState,
  config: KnexTransactionConfig | undefined,
  run: Run,
  acquire: Acquire,
  got: () => void,
): Promise<unknown> {
  const connection = await takeFor(state, client).finally(got)
  try {
    return await acquire({ ...config, connection }, run)
  } finally {
    delete connection.__knexTxId
    await giveBack(state)
  }
}

/** Behind its end: what it has written is known to the request that it was a part of. */
async function giveBack({ frame: { root }, taken }: TransactionState): Promise<void> {
  await taken!.from.giveBack(taken!.connection, root.wrote && root.outcome !== 'rolled-back')
}

/** A connection out of the pool that a root belongs to. */
async function takeFor(state: TransactionState, client: KnexClient): Promise<Connection> {
  const { frame, instance, choice, request, settings } = state
  const { root } = frame
  const what = (): string => `The ${root}`
  if (request) {
    state.taken = await request.take({
      choice: choice ?? { target: 'reader', reason: 'only-pool' },
      kind: 'transaction',
      mayWrite: !root.readOnly,
      consistency: settings.consistency,
      what,
    })
  } else if (choice) {
    state.taken = await instance.pools.take(choice, what, () => {
      root.target = 'writer'
      refuseStarved(state, client)
    })
  } else state.taken = await takeFromKnex(client)
  if (choice) tellRoute(instance, root, state.taken.choice)
  return state.taken.connection
}

function tellRoute({ knex }: Instance, root: RootTransaction, route: RouteChoice): void {
  root.target = route.target
  root.route = route
  publish('knex-flatten:route', () => ({
    db: knex,
    route,
    transaction: transactionInfoOf(root),
    statements: [],
  }))
}

/** In Knex's own way: from the one pool there is, or from what stands in for it. */
async function takeFromKnex(client: KnexClient): Promise<Taken> {
  const connection = await client.acquireConnection()
  return {
    connection,
    choice: { target: 'reader', reason: 'only-pool' },
    from: {
      giveBack: (real) => client.releaseConnection(real),
      discard: (real) => client.destroyRawConnection(real),
    },
  }
}

/** The connection is taken, and BEGIN sent, by the first statement. */
async function onDemand(
  transaction: KnexTransaction,
  state: TransactionState,
  _config: unknown,
  run: Run,
): Promise<unknown> {
  const { txid } = transaction
  const lazy: LazyConnection = new LazyConnection(() => begin(transaction, state, lazy))
  lazy.__knexTxId = txid
  try {
    return await run(lazy)
  } finally {
    lazy.close()
    if (lazy.real) {
      delete lazy.real.__knexTxId
      await giveBack(state)
    }
  }
}

async function begin(
  transaction: KnexTransaction,
  state: TransactionState,
  lazy: LazyConnection,
): Promise<Connection> {
  const { client, isolationLevel, readOnly } = transaction
  const { root } = state.frame
  const open = openRootOn(lazy)
  const sql = ['BEGIN', isolationLevel && `ISOLATION LEVEL ${isolationLevel}`, readOnly && 'READ ONLY']
    .filter(Boolean)
    .join(' ')
  try {
    const got = waitForConnection(state, client)
    const real = await takeFor(state, client).finally(got)
    if (state.settings.consistency) {
      await inMode(real, state.settings.consistency, () => giveBack(state))
    }
    if (lazy.closed) {
      await giveBack(state)
      throw endedBeforeBegin(root)
    }
    lazy.become(real)
    heedLoss(client, real)
    rememberRoot(open, real)
    root.onConnection = true
    // Past Knex's own check: the end may have been asked for already, behind the statement that waits for this.
    const past = Object.getPrototypeOf(transaction.trxClient) as KnexClient
    await asControl(open, 'begin', () => past.query.call(transaction.trxClient, lazy, sql))
    return real
  } catch (error) {
    root.doom(failedStatement(root, error, sql))
    throw error
  }
}
