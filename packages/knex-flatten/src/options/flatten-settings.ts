import { TransactionOptionsError } from '../errors/errors.ts'
import { type Check, checkAll, isBoolean, isRecord, oneOf, refuseUnknown, show } from './check.ts'
import type { FlattenOptions, ForeignConnection } from './options.ts'

/** {@link FlattenOptions}, all of them said. */
export interface FlattenSettings {
  readonly nested: NonNullable<FlattenOptions['nested']>
  readonly doomOn: NonNullable<FlattenOptions['doomOn']>
  /** What becomes of a query on the instance inside a transaction; `undefined`: nobody asks. */
  readonly ambient: ForeignConnection | undefined
  readonly lazyBegin: boolean
}

const foreignConnections = ['join', 'throw', 'warn']

const flattenChecks: Record<keyof FlattenOptions, Check> = {
  nested: oneOf(['flatten', 'throw', 'escalate']),
  doomOn: {
    allowed: "'scope' or a function of the error",
    holds: (value) => value === 'scope' || typeof value === 'function',
  },
  ambient: {
    allowed: `true, false or { foreignConnection: ${foreignConnections.map((one) => `'${one}'`).join(' | ')} }`,
    holds: (value) =>
      typeof value === 'boolean' ||
      (isRecord(value) &&
        Object.keys(value).join() === 'foreignConnection' &&
        foreignConnections.some((one) => one === value['foreignConnection'])),
  },
  lazyBegin: isBoolean,
}

/** @throws TransactionOptionsError naming the option, its value and what is allowed. */
export function checkFlattenOptions(options: unknown = {}): FlattenOptions {
  if (!isRecord(options)) {
    throw new TransactionOptionsError(
      `flatten(knex, options): options must be an object, not ${show(options)}.`,
    )
  }
  refuseUnknown('flatten(knex, options)', options, flattenChecks)
  checkAll('flatten(knex, options)', options, flattenChecks)
  return options
}

/** What the options say, with defaults for what they do not. */
export function settle({ nested, doomOn, ambient, lazyBegin }: FlattenOptions): FlattenSettings {
  return {
    nested: nested ?? 'flatten',
    doomOn: doomOn ?? 'scope',
    ambient: typeof ambient === 'object' ? ambient.foreignConnection : ambient ? 'join' : undefined,
    lazyBegin: lazyBegin ?? false,
  }
}
