import { TransactionOptionsError } from './errors/errors.ts'

/** How {@link flatten} behaves. */
export interface FlattenOptions {
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
}

/** What `transaction(callback, config)` takes beside Knex's own options. */
export interface TransactionOptions {
  /** Stands for the transaction in error messages, e.g. `'reserve stock'`. */
  readonly name?: string
  /**
   * The transaction must be a root: its success must mean COMMIT. Inside another one it is refused with
   * `DurableTransactionError` before anything is sent. Default false.
   */
  readonly durable?: boolean
}

declare module 'knex' {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Knex declares its types in one
  namespace Knex {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- merges with Knex's own
    interface TransactionConfig extends TransactionOptions {}
  }
}

export const DEFAULT_OPTIONS: Required<FlattenOptions> = { doomOn: 'scope' }

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkFlattenOptions(options: unknown): FlattenOptions {
  if (options === undefined) return {}
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TransactionOptionsError(
      `flatten(knex, options): options must be an object, not ${show(options)}.`,
    )
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(DEFAULT_OPTIONS, name)) continue
    throw new TransactionOptionsError(
      `flatten(knex, options): there is no option ${show(name)}. Known options: ${Object.keys(DEFAULT_OPTIONS).join(', ')}.`,
    )
  }
  const { doomOn } = options as FlattenOptions
  if (doomOn !== undefined && doomOn !== 'scope' && typeof doomOn !== 'function') {
    throw new TransactionOptionsError(
      `flatten(knex, options): doomOn must be 'scope' or a function of the error, not ${show(doomOn)}.`,
    )
  }
  return doomOn === undefined ? {} : { doomOn }
}

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkTransactionOptions(config: unknown): TransactionOptions {
  const { name, durable } = (config ?? {}) as Record<string, unknown>
  if (name !== undefined && (typeof name !== 'string' || name.trim() === '')) {
    throw new TransactionOptionsError(`transaction(): name must be a text, not ${show(name)}.`)
  }
  if (durable !== undefined && typeof durable !== 'boolean') {
    throw new TransactionOptionsError(`transaction(): durable must be true or false, not ${show(durable)}.`)
  }
  return { ...(name !== undefined && { name }), ...(durable !== undefined && { durable }) }
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
