import type { AwsProfile, ForwardingProfile } from '@knex-flatten/sql-support'
import type { CrossingBudget } from '../crossings/crossing-tally.ts'
import type { Propagation } from '../transaction/propagation.ts'
import type { RetryOptions } from '../transaction/retry.ts'

/** How {@link flatten} behaves. */
export interface FlattenOptions {
  /**
   * What becomes of a transaction opened inside another.
   *
   * - `'flatten'` (default): it joins as a scope, without a savepoint;
   * - `'throw'`: it is refused with `TransactionOptionsError`; `propagation: 'required'` still joins;
   * - `'escalate'`: it gets a real savepoint, which only a writer allows: on a reader it is refused;
   * - `'observe'`: nothing is flattened, Knex does what it always did; what flattening would have changed is kept for
   *   {@link observations}. It goes with no other option.
   */
  readonly nested?: 'flatten' | 'throw' | 'escalate' | 'observe'
  /**
   * Which failures of a scope doom its root.
   *
   * - `'scope'` (default): every one;
   * - a predicate: an application error dooms the root where it answers true. Where it answers false, what the scope
   *   has written **stays in the root** and is committed with it: answer so only for errors thrown before any write.
   *
   * An SQL error always dooms, since PostgreSQL has aborted the transaction; so does a bare `rollback()`.
   */
  readonly doomOn?: 'scope' | ((error: unknown) => boolean)
  /**
   * Whether calls on the instance itself find the transaction whose callback they are made in. Default false.
   *
   * With `true`, or an object, `db.transaction()` inside one joins it. `foreignConnection` says what becomes of a query on the
   * instance there: `'join'` (default) runs it in the transaction, `'throw'` refuses it with `ForeignConnectionError`, `'warn'`
   * lets it run on a connection of its own and says so in Knex's log.
   */
  readonly ambient?: boolean | { readonly foreignConnection: ForeignConnection }
  /**
   * BEGIN goes with the first statement; a transaction without any takes no connection. Default false.
   *
   * What BEGIN or the pool refuses is then told by the first statement.
   */
  readonly lazyBegin?: boolean
  /**
   * Where statements are judged before they are sent. Default `'reader'`.
   *
   * - `'reader'`: on a server that is in recovery (`pg_is_in_recovery()`), which is asked only where there is something to object to;
   * - `'always'`: on a writer too, so that tests refuse what production will;
   * - `'off'`: nowhere.
   */
  readonly guard?: 'reader' | 'always' | 'off'
  /**
   * What becomes of a statement that the profile refuses. Default `'throw'`.
   *
   * - `'throw'`: it is rejected with `UnsupportedStatementError`, and nothing is sent;
   * - `'warn'`: it is sent, and Knex's log told so, each text once;
   * - `'writer'`, of a routed instance that has a writer: outside of a transaction it runs there, and so does a transaction that is to be
   *   SERIALIZABLE. Inside a transaction on a reader nothing can move: it is rejected.
   */
  readonly onUnsupported?: 'throw' | 'warn' | 'writer'
  /**
   * What reads on a reader wait for, in every session of the instance; on a writer it means nothing. Default: what the server is set to.
   *
   * - `'session'`: until the reader shows what this session has written;
   * - `'eventual'`: for nothing;
   * - `'global'`: until the reader shows all that was committed anywhere when the read began;
   * - `'off'`: nothing is forwarded.
   *
   * A session is one connection: of a pool, the next query may run in another.
   */
  readonly consistency?: ConsistencyMode
  /**
   * How often a transaction may cross to the writer, its COMMIT included, which costs it a round trip each time. Default: as often as it does.
   *
   * What a reader forwards crosses, and the COMMIT or ROLLBACK behind it; reads and BEGIN do not. On the far writer of a routed instance everything
   * does. Where there is one server, whichever it is, what a reader would forward is counted.
   */
  readonly crossings?: CrossingBudget
  /**
   * What forwards, by the support table: `'aws-global'` (default), `'aws-local'`, or verdicts of one's own, measured or assumed, that differ
   * from one of them.
   */
  readonly profile?: AwsProfile | ForwardingProfile
  /**
   * Errors say in which line a transaction was opened, and their stack begins there. Default true.
   *
   * To note the line costs some microseconds per transaction, which show where the server is on the same machine. With `false`
   * errors know a transaction by its `name` alone.
   */
  readonly callSites?: boolean
}

/** `apg_write_forward.consistency_mode` of Aurora. */
export type ConsistencyMode = 'session' | 'eventual' | 'global' | 'off'

export type ForeignConnection = 'join' | 'throw' | 'warn'

/** What `transaction(callback, config)` takes beside Knex's own options. */
export interface TransactionOptions {
  /** Stands for the transaction in error messages, e.g. `'reserve stock'`. */
  readonly name?: string
  /**
   * The transaction must be a root: its success must mean COMMIT. Inside another one it is refused with
   * `DurableTransactionError` before anything is sent. Default false.
   */
  readonly durable?: boolean
  /** How it relates to a transaction around it; see {@link Propagation}. Default `'required'`. */
  readonly propagation?: Propagation
  /** Runs the whole root again where it failed for a passing reason; `true` for the defaults. Only with a callback. */
  readonly retry?: boolean | RetryOptions
  /**
   * Where a root of a routed instance runs, whatever it would be routed by. A scope may only ask for where its root runs.
   */
  readonly target?: 'reader' | 'writer'
  /**
   * What the reads of a root wait for on a reader; its session has its own mode again behind it. A scope may only ask for its root's.
   */
  readonly consistency?: ConsistencyMode
  /** Asks for a real savepoint, which only a writer allows: on a reader it is refused. Default false. */
  readonly savepoint?: boolean
}

declare module 'knex' {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Knex declares its types in one
  namespace Knex {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- merges with Knex's own
    interface TransactionConfig extends TransactionOptions {}
  }
}
