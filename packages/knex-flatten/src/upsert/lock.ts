import type { Knex } from 'knex'
import { ask } from './ask.ts'
import { keyBindings, keyRow } from './key-row.ts'
import { refuse, type UpsertOptions } from './options.ts'
import type { Target } from './target.ts'

/** Runs several statements in one transaction: the caller's, or one of its own. */
export function inTransaction<Result>(on: Knex, run: (trx: Knex) => Promise<Result>): Promise<Result> {
  if (on.isTransaction) return run(on)
  return on.transaction(run, { isolationLevel: 'read committed', propagation: 'required' })
}

/**
 * Runs what may take locks, inside a transaction, to whose end they are held.
 *
 * @throws TransactionOptionsError where the transaction looks at the past: behind a lock it would not see what the one before
 * it in the lock has committed
 */
export async function lockable<Result>(
  on: Knex,
  asking: string,
  { strategy }: UpsertOptions,
  run: (trx: Knex) => Promise<Result>,
): Promise<Result> {
  if (strategy !== 'lock') return run(on)
  return inTransaction(on, async (trx) => {
    const level = await ask<string>(trx, `current_setting('transaction_isolation')`)
    if (level !== 'read committed' && level !== 'read uncommitted') {
      refuse(
        asking,
        `strategy 'lock' needs a transaction at read committed, and this one is at ${level}, which would not see what was ` +
          `committed while it waited. Use strategy 'on-conflict', or open it without isolationLevel`,
      )
    }
    return run(trx)
  })
}

/**
 * Locks keys of one table, in an order that all callers have in common.
 *
 * An advisory lock counts on the server where it is taken, so it must be a part of what is forwarded: an INSERT, of no row.
 * What then is inserted has to be a statement of its own, which sees what was committed while this one waited.
 */
export async function lockKeys(on: Knex, targets: readonly Target[]): Promise<void> {
  const [first] = targets
  if (!first) return
  const { table, key, index } = first
  const { hashed } = index
  // The table is looked up where the lock is taken: its name may mean another one by the next search_path.
  const hash = (row: string): string =>
    `select hash_record_extended(${row}, cast(to_regclass(?)::oid as bigint)) as hash`
  const seed = on.raw('??', [table]).toSQL().sql
  const hashes = hashed ? targets.map(() => hash(keyRow(hashed))) : [hash(`row(cast('any key' as text))`)]
  const bindings = hashed ? targets.flatMap((target) => [...keyBindings(hashed, target.key), seed]) : [seed]
  await on(table).insert(
    on.raw(
      '(??) select null from (select pg_advisory_xact_lock(hash)::text as locked ' +
        `from (${hashes.join(' union ')} order by hash) as hashes) as locks where locked is null`,
      [Object.keys(key)[0]!, ...bindings],
    ),
  )
}
