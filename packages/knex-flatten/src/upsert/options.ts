import { TransactionOptionsError } from '../errors/errors.ts'
import { type Check, checkAll, isRecord, oneOf, refuseUnknown, show } from '../options/check.ts'

/**
 * How a row is inserted unless one with its key is there.
 *
 * - `'on-conflict'`: by INSERT … ON CONFLICT DO NOTHING;
 * - `'lock'`: behind a lock on the key, taken where the row is written and held to the end of the transaction, so that those
 *   with the same key come one after another. Without ON CONFLICT; for servers that do not forward it. It needs READ COMMITTED,
 *   and that **everybody** who inserts such keys takes the lock: another's plain INSERT at the same time ends in `23505`.
 */
export type UpsertStrategy = 'on-conflict' | 'lock'

/** What `getOrCreate`, `updateOrCreate` and `tryInsert` have in common. */
export interface UpsertOptions<Column extends string = string> {
  /** The columns of the rows that are given back. Default: all. */
  readonly returning?: readonly Column[]
  /** Default `'on-conflict'`; see {@link UpsertStrategy}. */
  readonly strategy?: UpsertStrategy
  /** The name of the unique index that is meant, where more than one is on the key's columns, each for some of the rows. */
  readonly index?: string
}

/** How {@link updateOrCreate} behaves. */
export interface UpdateOrCreateOptions<
  Column extends string = string,
  OnCreate = object,
> extends UpsertOptions<Column> {
  /** What a new row gets beside `values`, or instead of some of them: `{ balance: 5 }` where those say `raw('balance + 5')`. */
  readonly onCreate?: OnCreate
}

/** How {@link tryInsert} behaves. */
export interface TryInsertOptions<
  Column extends string = string,
  KeyColumn extends string = string,
> extends UpsertOptions<Column> {
  /**
   * The columns of the key whose conflicts are meant; a conflict on another one is then the error it always was. Default: every
   * unique index and exclusion constraint of the table. Strategy `'lock'` needs it.
   */
  readonly key?: readonly KeyColumn[]
}

const columnList: Check = {
  allowed: 'a list of column names, at least one',
  holds: (value) => Array.isArray(value) && value.length > 0 && value.every(isName),
}

const common: Record<keyof UpsertOptions, Check> = {
  returning: columnList,
  strategy: oneOf(['on-conflict', 'lock']),
  index: { allowed: 'the name of an index', holds: isName },
}
export const getOrCreateChecks: Record<string, Check> = common
export const updateOrCreateChecks: Record<string, Check> = {
  ...common,
  onCreate: { allowed: 'an object of values by column', holds: isRecord },
}
export const tryInsertChecks: Record<string, Check> = { ...common, key: columnList }

/** @throws TransactionOptionsError naming what is wrong with the options, or with the table's name */
export function checkUpsert(
  asking: string,
  table: unknown,
  options: unknown,
  checks: Record<string, Check>,
): void {
  if (!isName(table)) refuse(asking, `the table must be given by its name, not ${show(table)}`)
  if (/\sas\s/i.test(table))
    refuse(asking, `${show(table)} gives the table another name; leave the alias out`)
  if (!isRecord(options)) refuse(asking, `options must be an object, not ${show(options)}`)
  refuseUnknown(asking, options, checks)
  checkAll(asking, options, checks)
}

/** @throws TransactionOptionsError for what is no row, or has no value for a column it names */
export function checkKey(asking: string, where: unknown): void {
  if (!isRecord(where)) refuse(asking, `the key must be an object of values by column, not ${show(where)}`)
  const columns = Object.entries(where)
  if (columns.length === 0) refuse(asking, 'the key must have at least one column')
  for (const [column, value] of columns) {
    if (value !== undefined && typeof value !== 'function') continue
    refuse(asking, `the key's ${column} must have a value, not ${typeof value}`)
  }
}

/** @throws TransactionOptionsError for what is no row, or says again what the key says */
export function checkValues(asking: string, what: string, where: object, values: unknown): void {
  if (!isRecord(values)) refuse(asking, `${what} must be an object of values by column, not ${show(values)}`)
  for (const column of Object.keys(values)) {
    if (Object.hasOwn(where, column)) {
      refuse(asking, `${column} is of the key and in ${what} as well; leave it out of ${what}`)
    }
  }
}

export function refuse(asking: string, why: string): never {
  throw new TransactionOptionsError(`${asking}: ${why}.`)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}
